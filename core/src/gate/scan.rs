//! One pass over the text before the engine's parser sees it: what makes the parser itself slow, or its tree many times longer than
//! the text, is counted here and refused.

use super::limits;
use crate::base::Problem;

/// Comments inside comments at most: the engine's lexer reads each level's rest anew.
pub(super) const MAX_COMMENT_NESTING: usize = 8;
/// Signs of operators without a space between them: the lexer tries every split of them.
pub(super) const MAX_SIGNS: usize = 16;
/// Words, numbers and signs at most, with those that the parser writes more than once: the operand of `CASE x WHEN ...` for each
/// WHEN, and a named window for each OVER that names it.
pub(super) const MAX_TOKENS: u64 = 20_000;
/// `CUBE`, `ROLLUP` and `GROUPING SETS` in one text; the parser writes every set down.
const MAX_GROUPINGS: usize = 16;

pub(super) fn scan(sql: &str) -> Result<(), Vec<Problem>> {
    Scan::of(sql).run().map_err(|problem| vec![*problem])
}

/// Whether a CTE is `NOT MATERIALIZED`: the tree that the engine gives does not say so.
pub(super) fn writes_ctes_out(sql: &str) -> bool {
    let mut scan = Scan::of(sql);
    scan.run().is_err() || scan.writes_out
}

/// A CASE that is open, or the text around all of them.
#[derive(Default)]
struct Frame {
    operand: u64,
    rest: u64,
    whens: u64,
    in_operand: bool,
}

#[derive(Default)]
struct Windows {
    /// OVERs that name a window.
    named: u64,
    tokens: u64,
    /// The depth of brackets at which a WINDOW clause is open.
    open: Option<usize>,
    depth: usize,
    after_over: bool,
}

struct Scan<'s> {
    bytes: &'s [u8],
    at: usize,
    frames: Vec<Frame>,
    windows: Windows,
    groupings: usize,
    after_not: bool,
    writes_out: bool,
}

impl<'s> Scan<'s> {
    fn of(sql: &'s str) -> Self {
        Scan {
            bytes: sql.as_bytes(),
            at: 0,
            frames: vec![Frame::default()],
            windows: Windows::default(),
            groupings: 0,
            after_not: false,
            writes_out: false,
        }
    }

    fn run(&mut self) -> Result<(), Box<Problem>> {
        while let Some(&byte) = self.bytes.get(self.at) {
            let begin = self.at;
            match byte {
                _ if byte.is_ascii_whitespace() => {
                    self.at += 1;
                    continue;
                }
                b'-' if self.next_is(b'-') => {
                    self.at = memchr::memchr(b'\n', &self.bytes[begin..]).map_or(self.bytes.len(), |n| begin + n);
                    continue;
                }
                b'/' if self.next_is(b'*') => {
                    self.comment()?;
                    continue;
                }
                b'\'' => self.quoted(b'\'', begin > 0 && matches!(self.bytes[begin - 1], b'e' | b'E')),
                b'"' => self.quoted(b'"', false),
                b'$' => self.dollar(),
                _ if is_word(byte) => {
                    while self.bytes.get(self.at).is_some_and(|byte| is_word(*byte) || *byte == b'$') {
                        self.at += 1;
                    }
                }
                _ if is_sign(byte) => {
                    while self.bytes.get(self.at).is_some_and(|byte| is_sign(*byte)) && !self.at_comment(begin) {
                        self.at += 1;
                    }
                    if self.at - begin > MAX_SIGNS {
                        return Err(Box::new(limits::too_many("signs", (self.at - begin) as u64, MAX_SIGNS as u64)));
                    }
                }
                _ => self.at += 1,
            }
            self.token(begin)?;
        }
        let expanded = self.frames.drain(..).map(|frame| total(&frame)).fold(0, u64::saturating_add);
        let expanded = expanded.saturating_add(self.windows.named.saturating_mul(self.windows.tokens));
        if expanded > MAX_TOKENS {
            return Err(Box::new(limits::too_many("tokens", expanded, MAX_TOKENS)));
        }
        Ok(())
    }

    fn next_is(&self, byte: u8) -> bool {
        self.bytes.get(self.at + 1) == Some(&byte)
    }

    /// A comment ends a run of signs.
    fn at_comment(&self, begin: usize) -> bool {
        self.at > begin
            && matches!((self.bytes[self.at], self.bytes.get(self.at + 1)), (b'-', Some(b'-')) | (b'/', Some(b'*')))
    }

    fn comment(&mut self) -> Result<(), Box<Problem>> {
        let mut depth = 0;
        while self.at < self.bytes.len() {
            match (self.bytes[self.at], self.bytes.get(self.at + 1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                    if depth > MAX_COMMENT_NESTING {
                        return Err(Box::new(limits::too_many("comments", depth as u64, MAX_COMMENT_NESTING as u64)));
                    }
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                }
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    /// To the end of a quoted text; a quote twice is one inside, and where `escapes`, a backslash takes the next with it.
    fn quoted(&mut self, quote: u8, escapes: bool) {
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += if escapes && byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                match self.bytes.get(self.at) {
                    Some(next) if *next == quote => self.at += 1,
                    _ => return,
                }
            }
        }
        self.at = self.bytes.len();
    }

    /// `$name`, or a text between `$tag$` and `$tag$`.
    fn dollar(&mut self) {
        let begin = self.at;
        self.at += 1;
        while self.bytes.get(self.at).is_some_and(|byte| is_word(*byte)) {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'$') {
            self.at += 1;
            let tag = &self.bytes[begin..self.at];
            let end = memchr::memmem::find(&self.bytes[self.at..], tag);
            self.at = end.map_or(self.bytes.len(), |end| self.at + end + tag.len());
        }
    }

    fn token(&mut self, begin: usize) -> Result<(), Box<Problem>> {
        let text = &self.bytes[begin..self.at];
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        self.writes_out |= self.after_not && is("materialized");
        self.after_not = is("not");
        let over = std::mem::take(&mut self.windows.after_over);
        // `OVER (w ...)` takes the named window over as well.
        self.windows.named += u64::from(over);
        if is("over") {
            self.windows.after_over = true;
        } else if is("window") {
            self.windows.open = Some(self.windows.depth);
        } else if is("cube") || is("rollup") || is("sets") {
            self.groupings += 1;
            if self.groupings > MAX_GROUPINGS {
                return Err(Box::new(limits::too_many("groupings", self.groupings as u64, MAX_GROUPINGS as u64)));
            }
        }
        match text {
            b"(" => self.windows.depth += 1,
            b")" => self.windows.depth = self.windows.depth.saturating_sub(1),
            _ => {}
        }
        if let Some(depth) = self.windows.open {
            let ends =
                ["order", "limit", "offset", "qualify", "union", "except", "intersect", "select"].into_iter().any(is);
            if self.windows.depth < depth || (self.windows.depth == depth && ends) {
                self.windows.open = None;
            } else {
                self.windows.tokens += 1;
            }
        }
        if is("case") {
            self.frames.push(Frame { in_operand: true, ..Frame::default() });
        } else if is("when") && self.frames.len() > 1 {
            self.frames.last_mut().into_iter().for_each(|frame| {
                frame.in_operand = false;
                frame.whens += 1;
            });
        } else if is("end")
            && self.frames.len() > 1
            && let Some(done) = self.frames.pop()
        {
            self.count(total(&done));
            return Ok(());
        }
        self.count(u64::from(!is("case")));
        Ok(())
    }

    fn count(&mut self, tokens: u64) {
        let Some(frame) = self.frames.last_mut() else { return };
        let counted = if frame.in_operand { &mut frame.operand } else { &mut frame.rest };
        *counted = counted.saturating_add(tokens);
    }
}

fn total(frame: &Frame) -> u64 {
    frame.operand.saturating_mul(frame.whens.max(1)).saturating_add(frame.rest).saturating_add(1)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_sign(byte: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&byte)
}
