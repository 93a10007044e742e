//! From tokens to the syntax tree.

use super::{
    token::{Kind, Token, tokens},
    tree::{Base, Formal, Function, Instruction, Linkage, Loc, Module, Operand, Statement, Value, Variable},
    types::{Space, Type},
};
use crate::error::LoadError;

/// The first and the last version of PTX that is known.
pub const VERSIONS: ((u32, u32), (u32, u32)) = ((6, 0), (9, 0));
/// How deep operands and initial values may be nested.
const DEEPEST: u32 = 8;
/// Most registers that one declaration may make.
const MOST_REGISTERS: u32 = 1 << 18;

type Result<T> = std::result::Result<T, LoadError>;

/// Reads a module.
///
/// # Errors
/// The text is no PTX, or of a version that is not known.
pub fn parse(text: &str) -> Result<Module<'_>> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0 };
    parser.module()
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Kind<'a>> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn peek_second(&self) -> Option<Kind<'a>> {
        self.tokens.get(self.at + 1).map(|token| token.kind)
    }

    fn line(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    /// The error that the next token is not what must stand here.
    fn expected<T>(&self, what: &str) -> Result<T> {
        let text = self.tokens.get(self.at).map_or("", |token| &self.text[token.begin..token.end]);
        let message = if text.is_empty() {
            format!("the text ends where {what} must stand")
        } else {
            format!("here must stand {what}")
        };
        Err(LoadError::invalid(self.line(), text, message))
    }

    fn next(&mut self) -> Option<Kind<'a>> {
        let kind = self.peek();
        self.at += 1;
        kind
    }

    fn eat(&mut self, mark: u8) -> bool {
        let is_there = self.peek() == Some(Kind::Mark(mark));
        self.at += usize::from(is_there);
        is_there
    }

    fn eat_dot(&mut self, word: &str) -> bool {
        let is_there = self.peek() == Some(Kind::Dot(word));
        self.at += usize::from(is_there);
        is_there
    }

    fn mark(&mut self, mark: u8) -> Result<()> {
        if self.eat(mark) { Ok(()) } else { self.expected(&format!("`{}`", char::from(mark))) }
    }

    fn name(&mut self) -> Result<&'a str> {
        match self.peek() {
            Some(Kind::Name(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => self.expected("a name"),
        }
    }

    fn text(&mut self) -> Result<&'a str> {
        match self.peek() {
            Some(Kind::Text(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => self.expected("a text in quotes"),
        }
    }

    fn integer(&mut self) -> Result<u64> {
        match self.peek() {
            Some(Kind::Integer(value)) => {
                self.at += 1;
                Ok(value)
            }
            _ => self.expected("an integer"),
        }
    }

    fn small(&mut self) -> Result<u32> {
        match self.peek() {
            Some(Kind::Integer(value)) if value <= u64::from(u32::MAX) => {
                self.at += 1;
                Ok(value as u32)
            }
            _ => self.expected("an integer of 32 bits"),
        }
    }

    fn signed(&mut self) -> Result<i64> {
        let is_negative = self.eat(b'-');
        if !is_negative {
            self.eat(b'+');
        }
        let value = self.integer()? as i64;
        Ok(if is_negative { value.wrapping_neg() } else { value })
    }

    fn module(&mut self) -> Result<Module<'a>> {
        let mut module = Module::default();
        if !self.eat_dot(".version") {
            return self.expected("`.version`");
        }
        module.version = self.version()?;
        if module.version < VERSIONS.0 || module.version > VERSIONS.1 {
            return Err(LoadError::Version { version: module.version, known: VERSIONS });
        }
        if !self.eat_dot(".target") {
            return self.expected("`.target`");
        }
        module.target = self.name()?;
        while self.eat(b',') {
            match self.name()? {
                "debug" | "texmode_independent" | "texmode_unified" => {}
                _ => {
                    self.at -= 1;
                    return self.expected("`debug`, `texmode_independent` or `texmode_unified`");
                }
            }
        }
        if self.eat_dot(".address_size") && self.integer()? != 64 {
            self.at -= 1;
            return self.expected("64: addresses of 32 bits are not simulated");
        }
        while self.peek().is_some() {
            self.item(&mut module)?;
        }
        Ok(module)
    }

    fn version(&mut self) -> Result<(u32, u32)> {
        let version = match self.peek() {
            Some(Kind::Decimal(text)) => {
                text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            }
            _ => None,
        };
        match version {
            Some(version) => {
                self.at += 1;
                Ok(version)
            }
            None => self.expected("a version like 8.4"),
        }
    }

    fn item(&mut self, module: &mut Module<'a>) -> Result<()> {
        match self.peek() {
            Some(Kind::Mark(b';')) => {
                self.at += 1;
                Ok(())
            }
            Some(Kind::Dot(".file")) => {
                self.at += 1;
                let number = self.small()?;
                module.files.push((number, self.text()?));
                // Time stamp and size.
                while self.eat(b',') {
                    self.integer()?;
                }
                Ok(())
            }
            Some(Kind::Dot(".section")) => self.section(),
            Some(Kind::Dot(".pragma")) => self.pragma(),
            Some(Kind::Dot(".loc")) => self.loc().map(|_| ()),
            _ => self.definition(module),
        }
    }

    /// DWARF data: nobody here reads it.
    fn section(&mut self) -> Result<()> {
        self.at += 1;
        if !matches!(self.next(), Some(Kind::Dot(_) | Kind::Name(_))) {
            self.at -= 1;
            return self.expected("the section's name");
        }
        self.mark(b'{')?;
        while !self.eat(b'}') {
            match self.next() {
                Some(Kind::Mark(b'{')) | None => {
                    self.at -= 1;
                    return self.expected("the section's end");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn pragma(&mut self) -> Result<()> {
        self.at += 1;
        self.text()?;
        while self.eat(b',') {
            self.text()?;
        }
        self.mark(b';')
    }

    fn linkage(&mut self) -> Linkage {
        let linkage = match self.peek() {
            Some(Kind::Dot(".visible")) => Linkage::Visible,
            Some(Kind::Dot(".extern")) => Linkage::Extern,
            Some(Kind::Dot(".weak")) => Linkage::Weak,
            Some(Kind::Dot(".common")) => Linkage::Common,
            _ => return Linkage::Internal,
        };
        self.at += 1;
        linkage
    }

    fn definition(&mut self, module: &mut Module<'a>) -> Result<()> {
        let linkage = self.linkage();
        match self.peek() {
            Some(Kind::Dot(".entry")) => {
                self.at += 1;
                let function = self.function(true)?;
                module.functions.push(function);
            }
            Some(Kind::Dot(".func")) => {
                self.at += 1;
                let function = self.function(false)?;
                module.functions.push(function);
            }
            Some(Kind::Dot(word))
                if matches!(Space::of(word), Some(Space::Global | Space::Const | Space::Shared | Space::Local)) =>
            {
                self.variables(linkage, &mut module.variables)?;
            }
            _ => return self.expected("a variable, a function or another directive that is known"),
        }
        Ok(())
    }

    /// One or more variables of one type, to the semicolon.
    fn variables(&mut self, linkage: Linkage, into: &mut Vec<Variable<'a>>) -> Result<()> {
        let mut variable = self.type_of_variable(linkage)?;
        loop {
            variable.line = self.line();
            let vector = variable.count;
            self.rest_of_variable(&mut variable)?;
            into.push(variable.clone());
            variable.values.clear();
            variable.count = vector;
            if !self.eat(b',') {
                return self.mark(b';');
            }
        }
    }

    /// Space, alignment and type; the count is that of a vector.
    fn type_of_variable(&mut self, linkage: Linkage) -> Result<Variable<'a>> {
        let Some(Kind::Dot(space)) = self.next() else {
            self.at -= 1;
            return self.expected("a state space");
        };
        let Some(space) = Space::of(space) else {
            self.at -= 1;
            return self.expected("a state space that is known");
        };
        let mut align = self.align()?;
        let mut count = 1;
        let ty = loop {
            match self.peek() {
                Some(Kind::Dot(".v2")) => count = 2,
                Some(Kind::Dot(".v4")) => count = 4,
                Some(Kind::Dot(".align")) => {
                    align = self.align()?;
                    continue;
                }
                Some(Kind::Dot(word)) => match Type::of(word) {
                    Some(ty) if ty != Type::Pred => {
                        self.at += 1;
                        break ty;
                    }
                    _ => return self.expected("a type that a variable can have"),
                },
                _ => return self.expected("a type"),
            }
            self.at += 1;
        };
        // `.param .u64 .ptr .global .align 4 name`: what the pointer points to.
        if space == Space::Param && self.eat_dot(".ptr") {
            if let Some(Kind::Dot(word)) = self.peek()
                && Space::of(word).is_some()
            {
                self.at += 1;
            }
            self.align()?;
        }
        if align == 0 && count > 1 {
            align = ty.bytes() * count;
        }
        let line = self.line();
        Ok(Variable { linkage, space, name: "", ty, count: Some(u64::from(count)), align, values: Vec::new(), line })
    }

    /// An alignment, if one stands here; else 0.
    fn align(&mut self) -> Result<u32> {
        if !self.eat_dot(".align") {
            return Ok(0);
        }
        let align = self.small()?;
        if !align.is_power_of_two() || align > 1 << 16 {
            self.at -= 1;
            return self.expected("an alignment: a power of two");
        }
        Ok(align)
    }

    /// Name, dimensions and initial value.
    fn rest_of_variable(&mut self, variable: &mut Variable<'a>) -> Result<()> {
        variable.name = self.name()?;
        self.dimensions(variable)?;
        if self.eat(b'=') {
            self.values(&mut variable.values, DEEPEST)?;
            let values = variable.values.len() as u64;
            match variable.count {
                None => variable.count = Some(values),
                Some(count) if values > count => {
                    return Err(LoadError::invalid(
                        variable.line,
                        variable.name,
                        format!("{values} values for {count} elements"),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn dimensions(&mut self, variable: &mut Variable<'a>) -> Result<()> {
        while self.eat(b'[') {
            if self.eat(b']') {
                variable.count = None;
                continue;
            }
            let size = self.integer()?;
            variable.count = variable.count.unwrap_or(1).checked_mul(size).filter(|count| *count < 1 << 40);
            if variable.count.is_none() {
                self.at -= 1;
                return self.expected("a size that a device can have");
            }
            self.mark(b']')?;
        }
        Ok(())
    }

    fn values(&mut self, into: &mut Vec<Value<'a>>, depth: u32) -> Result<()> {
        if !self.eat(b'{') {
            into.push(self.value()?);
            return Ok(());
        }
        if depth == 0 {
            return self.expected("values that are nested less deeply");
        }
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.values(into, depth - 1)?;
            if !self.eat(b',') {
                return self.mark(b'}');
            }
        }
    }

    fn value(&mut self) -> Result<Value<'a>> {
        match self.peek() {
            Some(Kind::Single(bits)) => {
                self.at += 1;
                Ok(Value::Single(bits))
            }
            Some(Kind::Double(bits)) => {
                self.at += 1;
                Ok(Value::Double(bits))
            }
            Some(Kind::Decimal(_)) => Ok(Value::Double(self.decimal()?)),
            Some(Kind::Integer(mask)) if self.peek_second() == Some(Kind::Mark(b'(')) => {
                // `0xFF00(name)`: one byte of an address.
                let byte = mask.trailing_zeros() / 8;
                if mask == 0 || mask != 0xff_u64.checked_shl(8 * byte).unwrap_or(0) {
                    return self.expected("a mask of one byte");
                }
                self.at += 2;
                let value = self.value()?;
                self.mark(b')')?;
                match value {
                    Value::Address { name, offset, is_generic, byte: None } => {
                        Ok(Value::Address { name, offset, is_generic, byte: Some(byte) })
                    }
                    Value::Number(number) => Ok(Value::Number(number >> (8 * byte) & 0xff)),
                    _ => self.expected("an address in the mask"),
                }
            }
            Some(Kind::Integer(_) | Kind::Mark(b'-')) => Ok(Value::Number(self.signed()? as u64)),
            Some(Kind::Name("generic")) if self.peek_second() == Some(Kind::Mark(b'(')) => {
                self.at += 2;
                let name = self.name()?;
                let inside = self.offset()?;
                self.mark(b')')?;
                let offset = inside.wrapping_add(self.offset()?);
                Ok(Value::Address { name, offset, is_generic: true, byte: None })
            }
            Some(Kind::Name(name)) => {
                self.at += 1;
                let offset = self.offset()?;
                Ok(Value::Address { name, offset, is_generic: false, byte: None })
            }
            _ => self.expected("a value"),
        }
    }

    /// `+4`, `-4`, `+-4`, or nothing.
    fn offset(&mut self) -> Result<i64> {
        let mut sum = 0_i64;
        loop {
            if self.eat(b'+') {
                sum = sum.wrapping_add(self.signed()?);
            } else if self.eat(b'-') {
                sum = sum.wrapping_sub(self.integer()? as i64);
            } else {
                return Ok(sum);
            }
        }
    }

    fn decimal(&mut self) -> Result<u64> {
        match self.peek() {
            Some(Kind::Decimal(text)) => match text.parse::<f64>() {
                Ok(value) => {
                    self.at += 1;
                    Ok(value.to_bits())
                }
                Err(_) => self.expected("a number"),
            },
            _ => self.expected("a number"),
        }
    }

    fn formals(&mut self) -> Result<Vec<Formal<'a>>> {
        let mut all = Vec::new();
        self.mark(b'(')?;
        if self.eat(b')') {
            return Ok(all);
        }
        loop {
            let line = self.line();
            if self.eat_dot(".reg") {
                let ty = self.register_type()?;
                all.push(Formal::Register { name: self.name()?, ty, line });
            } else {
                let mut variable = self.type_of_variable(Linkage::Internal)?;
                if variable.space != Space::Param {
                    return self.expected("a parameter");
                }
                variable.name = self.name()?;
                self.dimensions(&mut variable)?;
                all.push(Formal::Memory(variable));
            }
            if !self.eat(b',') {
                self.mark(b')')?;
                return Ok(all);
            }
        }
    }

    fn register_type(&mut self) -> Result<Type> {
        match self.peek() {
            Some(Kind::Dot(word)) if Type::of(word).is_some() => {
                self.at += 1;
                Type::of(word).map_or_else(|| self.expected("a type"), Ok)
            }
            _ => self.expected("a type that a register can have"),
        }
    }

    fn function(&mut self, is_entry: bool) -> Result<Function<'a>> {
        let returns = if !is_entry && self.peek() == Some(Kind::Mark(b'(')) { self.formals()? } else { Vec::new() };
        let line = self.line();
        let name = self.name()?;
        let params = if self.peek() == Some(Kind::Mark(b'(')) { self.formals()? } else { Vec::new() };
        let mut function =
            Function { is_entry, name, returns, params, required: None, most: None, registers: None, body: None, line };
        loop {
            match self.peek() {
                Some(Kind::Mark(b';')) => {
                    self.at += 1;
                    return Ok(function);
                }
                Some(Kind::Mark(b'{')) => {
                    self.at += 1;
                    function.body = Some(self.body()?);
                    return Ok(function);
                }
                Some(Kind::Dot(".reqntid")) => function.required = Some(self.sizes()?),
                Some(Kind::Dot(".maxntid")) => function.most = Some(self.sizes()?),
                Some(Kind::Dot(".maxnreg")) => {
                    self.at += 1;
                    function.registers = Some(self.small()?);
                }
                Some(Kind::Dot(".minnctapersm" | ".maxnctapersm")) => {
                    self.at += 1;
                    self.small()?;
                }
                Some(Kind::Dot(".noreturn")) => self.at += 1,
                Some(Kind::Dot(".pragma")) => self.pragma()?,
                _ => return self.expected("a body, or a directive of a function that is known"),
            }
        }
    }

    fn sizes(&mut self) -> Result<[u32; 3]> {
        self.at += 1;
        let mut sizes = [1; 3];
        for (number, size) in sizes.iter_mut().enumerate() {
            if number > 0 && !self.eat(b',') {
                break;
            }
            *size = self.small()?;
        }
        Ok(sizes)
    }

    fn loc(&mut self) -> Result<Loc> {
        self.at += 1;
        let mut loc = Loc { file: self.small()?, line: self.small()?, column: self.small()?, inlined_at: None };
        while self.eat(b',') {
            match self.name()? {
                "function_name" => {
                    self.name()?;
                    self.offset()?;
                }
                "inlined_at" => loc.inlined_at = Some((self.small()?, self.small()?, self.small()?)),
                _ => {
                    self.at -= 1;
                    return self.expected("`function_name` or `inlined_at`");
                }
            }
        }
        Ok(loc)
    }

    fn body(&mut self) -> Result<Vec<Statement<'a>>> {
        let mut all = Vec::new();
        let mut depth = 0_u32;
        loop {
            match self.peek() {
                Some(Kind::Mark(b';')) => self.at += 1,
                Some(Kind::Mark(b'{')) => {
                    self.at += 1;
                    depth += 1;
                    all.push(Statement::Open);
                }
                Some(Kind::Mark(b'}')) => {
                    self.at += 1;
                    if depth == 0 {
                        return Ok(all);
                    }
                    depth -= 1;
                    all.push(Statement::Close);
                }
                Some(Kind::Dot(".pragma")) => self.pragma()?,
                Some(Kind::Dot(".loc")) => all.push(Statement::Loc(self.loc()?)),
                Some(Kind::Dot(".reg")) => self.registers(&mut all)?,
                Some(Kind::Dot(word)) if Space::of(word).is_some() => {
                    let mut variables = Vec::new();
                    self.variables(Linkage::Internal, &mut variables)?;
                    all.extend(variables.into_iter().map(Statement::Variable));
                }
                Some(Kind::Name(name)) if self.peek_second() == Some(Kind::Mark(b':')) => {
                    let line = self.line();
                    self.at += 2;
                    match self.peek() {
                        Some(Kind::Dot(".branchtargets")) => {
                            self.at += 1;
                            let labels = self.names()?;
                            all.push(Statement::Targets { name, labels, line });
                        }
                        Some(Kind::Dot(".callprototype")) => all.push(self.prototype(name)?),
                        _ => all.push(Statement::Label { name, line }),
                    }
                }
                Some(Kind::Name(_) | Kind::Mark(b'@')) => all.push(Statement::Instruction(self.instruction()?)),
                _ => return self.expected("an instruction, or a directive that is known in a body"),
            }
        }
    }

    fn names(&mut self) -> Result<Vec<&'a str>> {
        let mut all = vec![self.name()?];
        while self.eat(b',') {
            all.push(self.name()?);
        }
        self.mark(b';')?;
        Ok(all)
    }

    fn prototype(&mut self, name: &'a str) -> Result<Statement<'a>> {
        self.at += 1;
        let returns = if self.peek() == Some(Kind::Mark(b'(')) { self.formals()? } else { Vec::new() };
        self.name()?;
        let params = if self.peek() == Some(Kind::Mark(b'(')) { self.formals()? } else { Vec::new() };
        while self.eat_dot(".noreturn") {}
        self.mark(b';')?;
        Ok(Statement::Prototype { name, returns, params })
    }

    fn registers(&mut self, all: &mut Vec<Statement<'a>>) -> Result<()> {
        self.at += 1;
        let ty = self.register_type()?;
        loop {
            let line = self.line();
            let name = self.name()?;
            let mut count = None;
            if self.eat(b'<') {
                let number = self.small()?;
                if number > MOST_REGISTERS {
                    self.at -= 1;
                    return self.expected("fewer registers");
                }
                count = Some(number);
                self.mark(b'>')?;
            }
            all.push(Statement::Registers { ty, name, count, line });
            if !self.eat(b',') {
                return self.mark(b';');
            }
        }
    }

    fn instruction(&mut self) -> Result<Instruction<'a>> {
        let (first, line) = (self.at, self.line());
        let mut guard = None;
        if self.eat(b'@') {
            let is_negative = self.eat(b'!');
            guard = Some((is_negative, self.name()?));
        }
        let opcode = self.name()?;
        let mut modifiers = Vec::new();
        while let Some(Kind::Dot(word)) = self.peek() {
            self.at += 1;
            modifiers.push(word);
        }
        let mut operands = Vec::new();
        if !self.eat(b';') {
            loop {
                operands.push(self.operand(DEEPEST)?);
                if self.eat(b';') {
                    break;
                }
                if !self.eat(b',') {
                    return self.expected("`,` or `;`");
                }
            }
        }
        let (begin, end) = (self.tokens[first].begin, self.tokens[self.at - 1].begin);
        Ok(Instruction { guard, opcode, modifiers, operands, line, text: self.text[begin..end].trim_end() })
    }

    fn operand(&mut self, depth: u32) -> Result<Operand<'a>> {
        if depth == 0 {
            return self.expected("operands that are nested less deeply");
        }
        match self.peek() {
            Some(Kind::Name("_")) => {
                self.at += 1;
                if self.eat(b'|') {
                    return Ok(Operand::Pair("_", self.name()?));
                }
                Ok(Operand::Sink)
            }
            Some(Kind::Name(name)) => {
                self.at += 1;
                if self.eat(b'|') {
                    return Ok(Operand::Pair(name, self.name()?));
                }
                if let Some(Kind::Dot(member)) = self.peek() {
                    self.at += 1;
                    return Ok(Operand::Member(name, member));
                }
                Ok(Operand::Name(name, self.offset()?))
            }
            Some(Kind::Integer(_) | Kind::Mark(b'-' | b'+')) => {
                if matches!(self.peek_second(), Some(Kind::Decimal(_))) {
                    let is_negative = self.eat(b'-');
                    if !is_negative {
                        self.at += 1;
                    }
                    return Ok(Operand::Double(self.decimal()? ^ u64::from(is_negative) << 63));
                }
                Ok(Operand::Integer(self.signed()? as u64))
            }
            Some(Kind::Single(bits)) => {
                self.at += 1;
                Ok(Operand::Single(bits))
            }
            Some(Kind::Double(bits)) => {
                self.at += 1;
                Ok(Operand::Double(bits))
            }
            Some(Kind::Decimal(_)) => Ok(Operand::Double(self.decimal()?)),
            Some(Kind::Mark(b'!')) => {
                self.at += 1;
                Ok(Operand::Not(self.name()?))
            }
            Some(Kind::Mark(b'{')) => Ok(Operand::Vector(self.list(b'}', depth)?)),
            Some(Kind::Mark(b'(')) => Ok(Operand::List(self.list(b')', depth)?)),
            Some(Kind::Mark(b'[')) => {
                self.at += 1;
                let (base, offset) = match self.peek() {
                    Some(Kind::Name(name)) => {
                        self.at += 1;
                        (Base::Name(name), self.offset()?)
                    }
                    _ => {
                        let first = self.signed()?;
                        (Base::Number, first.wrapping_add(self.offset()?))
                    }
                };
                self.mark(b']')?;
                Ok(Operand::Address(base, offset))
            }
            _ => self.expected("an operand"),
        }
    }

    fn list(&mut self, end: u8, depth: u32) -> Result<Vec<Operand<'a>>> {
        self.at += 1;
        let mut all = Vec::new();
        if self.eat(end) {
            return Ok(all);
        }
        loop {
            all.push(self.operand(depth - 1)?);
            if !self.eat(b',') {
                self.mark(end)?;
                return Ok(all);
            }
        }
    }
}
