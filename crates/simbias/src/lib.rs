//! Measures, explains and changes the inductive bias of neural networks: the facade.
