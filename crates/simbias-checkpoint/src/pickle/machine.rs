//! The stack machine: every instruction that a state dict needs, and no other.

use std::rc::Rc;

use super::{Machine, Value};
use crate::error::FileError;

impl Machine<'_> {
    pub(super) fn malformed(&self, problem: impl std::fmt::Display) -> FileError {
        FileError::malformed(
            self.file,
            "PyTorch",
            format!("at byte {} of its pickle, {problem}", self.position),
            "save the plain state dict again: torch.save(model.state_dict(), path)",
        )
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&[u8], FileError> {
        let start = self.position;
        match start.checked_add(n).filter(|&end| end <= self.bytes.len()) {
            Some(end) => {
                self.position = end;
                Ok(&self.bytes[start..end])
            }
            None => {
                self.ran_out = true;
                Err(self.malformed("the pickle ends in the middle"))
            }
        }
    }

    pub(super) fn number<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        Ok(number)
    }

    pub(super) fn length<const N: usize>(&mut self) -> Result<usize, FileError> {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&self.number::<N>()?);
        usize::try_from(u64::from_le_bytes(wide))
            .map_err(|_| self.malformed("a length is too large"))
    }

    pub(super) fn line(&mut self) -> Result<&str, FileError> {
        let rest = &self.bytes[self.position..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            self.ran_out = true;
            return Err(self.malformed("a line does not end"));
        };
        let start = self.position;
        self.position += end + 1;
        std::str::from_utf8(&self.bytes[start..start + end])
            .map_err(|_| self.malformed("a line is not a text"))
    }

    pub(super) fn text(&mut self, n: usize) -> Result<Rc<str>, FileError> {
        let bytes = self.take(n)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.malformed("a text is not UTF-8")),
        }
    }

    pub(super) fn pop(&mut self) -> Result<Value, FileError> {
        // Values below the innermost mark belong to an unfinished container.
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err(self.malformed("a value is missing"));
        }
        self.stack.pop().ok_or_else(|| self.malformed("a value is missing"))
    }

    pub(super) fn top(&self) -> Result<Value, FileError> {
        self.stack.last().cloned().ok_or_else(|| self.malformed("a value is missing"))
    }

    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Value>, FileError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("a mark is missing"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    pub(super) fn tuple(&mut self, values: Vec<Value>) {
        self.tuples.push(values);
        self.stack.push(Value::Tuple(self.tuples.len() - 1));
    }

    pub(super) fn dict(&mut self, pairs: Vec<(Value, Value)>) -> Value {
        self.dicts.push(pairs);
        Value::Dict(self.dicts.len() - 1)
    }

    pub(super) fn recall(&mut self, key: u64) -> Result<(), FileError> {
        let value = self.memo.get(&key).cloned();
        let value =
            value.ok_or_else(|| self.malformed("a value is recalled that was never stored"))?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn keep(&mut self, key: u64) -> Result<(), FileError> {
        let value = self.top()?;
        self.memo.insert(key, value);
        Ok(())
    }

    pub(super) fn run(&mut self) -> Result<Value, FileError> {
        loop {
            let [opcode] = self.number()?;
            match opcode {
                0x80 => {
                    let [protocol] = self.number()?;
                    if protocol > 5 {
                        return Err(self.malformed(format_args!("protocol {protocol} is unknown")));
                    }
                }
                0x95 => drop(self.number::<8>()?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'N' => self.stack.push(Value::None),
                0x88 => self.stack.push(Value::Bool(true)),
                0x89 => self.stack.push(Value::Bool(false)),
                b'J' => {
                    let number = i32::from_le_bytes(self.number()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'K' => {
                    let [number] = self.number()?;
                    self.stack.push(Value::Int(number.into()));
                }
                b'M' => {
                    let number = u16::from_le_bytes(self.number()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'I' | b'L' => {
                    let value = match self.line()?.trim_end_matches('L') {
                        "00" | "01" => Value::Opaque,
                        text => text.parse().map_or(Value::Opaque, Value::Int),
                    };
                    self.stack.push(value);
                }
                0x8a => {
                    let n = self.length::<1>()?;
                    self.long(n)?;
                }
                0x8b => {
                    let n = self.length::<4>()?;
                    self.long(n)?;
                }
                b'G' => {
                    self.number::<8>()?;
                    self.stack.push(Value::Opaque);
                }
                b'F' => {
                    self.line()?;
                    self.stack.push(Value::Opaque);
                }
                b'X' => self.push_text::<4>()?,
                0x8c => self.push_text::<1>()?,
                0x8d => self.push_text::<8>()?,
                b'U' => self.push_text::<1>()?,
                b'T' => self.push_text::<4>()?,
                b'V' => {
                    let text: Rc<str> = self.line()?.into();
                    self.stack.push(Value::Text(text));
                }
                b'C' => self.skip_bytes::<1>()?,
                b'B' => self.skip_bytes::<4>()?,
                0x8e => self.skip_bytes::<8>()?,
                b']' => {
                    self.lists.push(Vec::new());
                    self.stack.push(Value::List(self.lists.len() - 1));
                }
                b'l' => {
                    let values = self.pop_to_mark()?;
                    self.lists.push(values);
                    self.stack.push(Value::List(self.lists.len() - 1));
                }
                b'a' => {
                    let value = self.pop()?;
                    self.append(vec![value])?;
                }
                b'e' => {
                    let values = self.pop_to_mark()?;
                    self.append(values)?;
                }
                b')' => self.tuple(Vec::new()),
                b't' => {
                    let values = self.pop_to_mark()?;
                    self.tuple(values);
                }
                0x85..=0x87 => {
                    let mut values: Vec<Value> =
                        (0..=opcode - 0x85).map(|_| self.pop()).collect::<Result<_, _>>()?;
                    values.reverse();
                    self.tuple(values);
                }
                b'}' => {
                    let dict = self.dict(Vec::new());
                    self.stack.push(dict);
                }
                b'd' => {
                    let values = self.pop_to_mark()?;
                    let dict = self.dict(Vec::new());
                    self.stack.push(dict);
                    self.set_items(values)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set_items(vec![key, value])?;
                }
                b'u' => {
                    let values = self.pop_to_mark()?;
                    self.set_items(values)?;
                }
                b'h' => {
                    let [key] = self.number()?;
                    self.recall(key.into())?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.number()?);
                    self.recall(key.into())?;
                }
                b'q' => {
                    let [key] = self.number()?;
                    self.keep(key.into())?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.number()?);
                    self.keep(key.into())?;
                }
                0x94 => self.keep(self.memo.len() as u64)?,
                b'g' | b'p' => {
                    let key = self.line()?.parse::<u64>();
                    let key = key.map_err(|_| self.malformed("a memo key is not a number"))?;
                    if opcode == b'g' { self.recall(key)? } else { self.keep(key)? }
                }
                b'c' => {
                    let module = self.line()?.to_string();
                    let name = self.line()?.to_string();
                    self.global(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Value::Text(module), Value::Text(name)) = (module, name) else {
                        return Err(self.malformed("a name is not a text"));
                    };
                    self.global(&module, &name)?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.persistent(&id)?;
                }
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let function = self.pop()?;
                    self.call(&function, &arguments)?;
                }
                b'b' => {
                    // State of an ordered dictionary or a parameter, such as `_metadata`; no tensor needs it.
                    self.pop()?;
                    if !matches!(self.top()?, Value::Dict(_) | Value::Tensor(_)) {
                        return Err(self.malformed("state is given to something that has none"));
                    }
                }
                other => {
                    return Err(self.malformed(format_args!(
                        "instruction {other:#04x} is not one that state dicts need"
                    )));
                }
            }
        }
    }

    pub(super) fn push_text<const N: usize>(&mut self) -> Result<(), FileError> {
        let n = self.length::<N>()?;
        let text = self.text(n)?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    pub(super) fn skip_bytes<const N: usize>(&mut self) -> Result<(), FileError> {
        let n = self.length::<N>()?;
        self.take(n)?;
        self.stack.push(Value::Opaque);
        Ok(())
    }

    /// A whole number of `n` bytes in two's complement.
    pub(super) fn long(&mut self, n: usize) -> Result<(), FileError> {
        let bytes = self.take(n)?;
        let value = if n > 8 {
            Value::Opaque
        } else {
            let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
            let mut wide = [fill; 8];
            wide[..n].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(wide))
        };
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn append(&mut self, values: Vec<Value>) -> Result<(), FileError> {
        let Value::List(list) = self.top()? else {
            return Err(self.malformed("something is appended to a value that is not a list"));
        };
        self.lists[list].extend(values);
        Ok(())
    }

    pub(super) fn set_items(&mut self, values: Vec<Value>) -> Result<(), FileError> {
        let Value::Dict(dict) = self.top()? else {
            return Err(self.malformed("items are set in a value that is not a dictionary"));
        };
        let mut values = values.into_iter();
        while let Some(key) = values.next() {
            let Some(value) = values.next() else {
                return Err(self.malformed("a key has no value"));
            };
            self.dicts[dict].push((key, value));
        }
        Ok(())
    }
}
