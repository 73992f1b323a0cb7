//! The vocabulary of a result: reports, tables, charts, caveats and verdicts.
