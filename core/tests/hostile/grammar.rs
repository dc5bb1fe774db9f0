//! SQL by a grammar, seeded: mostly sound, some of it hostile, some of it damaged.

use datasus::faces::gate;

/// Values at the edges of their types.
const EDGES: &[&str] = &[
    "NULL",
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "2147483648",
    "1e308",
    "-1e308",
    "'nan'::DOUBLE",
    "'inf'::DOUBLE",
    "''",
    "'a'",
    "'-1'",
    "'%'",
    "'é\u{200d}🩺'",
    "lpad('', 10000, 'a')",
    "true",
    "DATE '0001-01-01'",
    "DATE '9999-12-31'",
    "TIMESTAMP '2024-02-29 23:59:59'",
    "INTERVAL 2147483647 MONTH",
    "[]",
    "[1, NULL, -1]",
    "['a', NULL]",
    "{'a': 1}",
    "0.1::DECIMAL(38, 37)",
    "99999999999999999999999999999999999999::DECIMAL(38, 0)",
    "TIME '23:59:59.999999'",
];

pub struct Grammar(u64);

/// Calls of every function that is let in, each over one to three edge values, in a fixed order that `seed` begins.
pub fn edges(seed: u64, count: usize) -> Vec<String> {
    let mut random = Grammar(seed);
    let names: Vec<&str> =
        gate::function_names().filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())).collect();
    let signs: Vec<&str> = gate::function_names()
        .filter(|name| !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '@'))
        .collect();
    (0..count)
        .map(|at| {
            if at % 20 == 19 {
                let (left, right) = (random.pick(EDGES), random.pick(EDGES));
                let sign =
                    random.pick(&signs).to_owned().replace("~~~", "GLOB").replace("~~*", "ILIKE").replace("~~", "LIKE");
                return format!("SELECT {left} {sign} {right}");
            }
            // Each in its turn.
            let name = names[at % names.len()];
            let arguments = (0..1 + random.below(3)).map(|_| random.pick(EDGES)).collect::<Vec<_>>().join(", ");
            match random.below(4) {
                0 => format!("SELECT {name}({arguments}) OVER (ORDER BY r) FROM range(5) t(r)"),
                1 => format!("SELECT {name}(r, {arguments}) FROM range(5) t(r)"),
                2 => format!("SELECT {name}(CNES, {arguments}) FROM sih_rd LIMIT 10"),
                _ => format!("SELECT {name}({arguments})"),
            }
        })
        .collect()
}

impl Grammar {
    pub fn seeded(seed: u64) -> Self {
        Grammar(seed)
    }

    pub fn text(&mut self) -> String {
        let sql = self.query(0);
        match self.below(8) {
            0 => self.damaged(sql),
            1 => self.nested(),
            _ => sql,
        }
    }

    /// From 0 to `below` - 1.
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }

    fn pick<'p>(&mut self, of: &[&'p str]) -> &'p str {
        of[self.below(of.len())]
    }

    fn some(&mut self, most: usize, separator: &str, one: impl Fn(&mut Self) -> String) -> String {
        let count = 1 + self.below(most);
        (0..count).map(|_| one(self)).collect::<Vec<_>>().join(separator)
    }

    fn query(&mut self, depth: usize) -> String {
        let with = match self.below(4) {
            0 if depth < 3 => {
                let kind = self.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
                let inner = self.query(depth + 1);
                format!("WITH c{depth} AS {kind}({inner}) ")
            }
            _ => String::new(),
        };
        let select = self.select(depth);
        match self.below(10) {
            0 if depth < 3 => {
                let set = self.pick(&["UNION ALL", "UNION", "EXCEPT", "INTERSECT", "UNION ALL BY NAME"]);
                let other = self.select(depth + 1);
                format!("{with}({select}) {set} ({other})")
            }
            _ => format!("{with}{select}"),
        }
    }

    fn select(&mut self, depth: usize) -> String {
        let list = self.some(4, ", ", |g| {
            let value = g.value(depth + 1);
            let alias = g.below(1000);
            format!("{value} AS v{alias}")
        });
        let mut from = "sih_rd q".to_owned();
        if self.below(3) == 0 {
            from += &format!(", {}", self.table(depth));
        }
        let mut sql = format!("SELECT {list} FROM {from}");
        if self.below(2) == 0 {
            sql += &format!(" WHERE {}", self.condition(depth + 1));
        }
        match self.below(8) {
            0 => sql += " GROUP BY ALL",
            1 => {
                sql += &format!(
                    " GROUP BY {}",
                    self.pick(&["1", "CUBE (1, 2)", "ROLLUP (1, 2)", "GROUPING SETS ((1), (2), ())"])
                )
            }
            _ => {}
        }
        if self.below(4) == 0 {
            sql += &format!(" ORDER BY {}", self.pick(&["1", "ALL", "1 DESC NULLS LAST", "random()"]));
        }
        if self.below(3) == 0 {
            sql += &format!(" LIMIT {}", self.pick(&["0", "10", "9223372036854775807", "-1", "NULL"]));
        }
        sql
    }

    fn table(&mut self, depth: usize) -> String {
        match self.below(8) {
            0 if depth < 3 => format!("({}) s{}", self.query(depth + 1), self.below(1000)),
            1 => format!(
                "range({}) r{}(r)",
                self.pick(&["3", "1000", "1000000000000", "-1", "10, 0, -1", "0, 10, 0"]),
                self.below(1000)
            ),
            2 => format!("(VALUES (1, 'a'), ({}, 'b')) w{}(n, t)", self.pick(&["2", "NULL", "-1"]), self.below(1000)),
            3 => format!("c{}", self.below(depth + 1)),
            4 => format!("unnest([1, 2, {}]) u{}(u)", self.pick(EDGES), self.below(1000)),
            5 => {
                let join = self.pick(&[
                    "JOIN",
                    "LEFT JOIN",
                    "FULL JOIN",
                    "SEMI JOIN",
                    "ANTI JOIN",
                    "CROSS JOIN",
                    "NATURAL JOIN",
                    "ASOF JOIN",
                    "POSITIONAL JOIN",
                ]);
                format!(
                    "sih_rd {join} cnes_st{}",
                    self.pick(&["", " USING (CNES)", " ON true", " ON sih_rd.CNES <= cnes_st.CNES"])
                )
            }
            _ => self.pick(&["sih_rd", "sim_do", "sinasc_dn", "cnes_st", "cnes_lt", "sih_rd a", "SIH_RD"]).to_owned(),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let value = self.value(depth + 1);
        match self.below(8) {
            0 => format!("{value} IN ({})", self.some(5, ", ", |g| g.pick(EDGES).to_owned())),
            1 => format!(
                "{value} {} '{}'",
                self.pick(&["LIKE", "ILIKE", "GLOB", "SIMILAR TO", "NOT LIKE"]),
                self.some(6, "", |g| g.pick(&["%", "a", "_", "*", "0", "["]).to_owned())
            ),
            2 if depth < 4 => format!("EXISTS ({})", self.query(depth + 1)),
            3 if depth < 4 => {
                format!("{value} {} ({})", self.pick(&["IN", "NOT IN", "= ANY", "<> ALL"]), self.query(depth + 1))
            }
            4 => format!("{value} BETWEEN {} AND {}", self.pick(EDGES), self.pick(EDGES)),
            5 if depth < 6 => {
                format!("({} {} {})", self.condition(depth + 1), self.pick(&["AND", "OR"]), self.condition(depth + 1))
            }
            6 if depth < 6 => format!("NOT {}", self.condition(depth + 1)),
            _ => format!("{value} {} {}", self.pick(&["=", "<>", "<", ">=", "IS DISTINCT FROM"]), self.pick(EDGES)),
        }
    }

    /// Mostly of a type that its place takes.
    fn value(&mut self, depth: usize) -> String {
        match self.below(8) {
            0 => self.anything(depth),
            1..=3 => self.word(depth),
            4..=6 => self.figure(depth),
            _ => self.day(depth),
        }
    }

    fn word(&mut self, depth: usize) -> String {
        if depth > 6 {
            return self.pick(&["q.CNES", "q.DIAG_PRINC", "'a'", "''", "NULL", "'J18'"]).to_owned();
        }
        let (one, other) = (self.word(depth + 2), self.figure(depth + 2));
        match self.below(9) {
            0 => format!("{}({one})", self.pick(&["lower", "upper", "trim", "reverse", "md5", "strip_accents"])),
            1 => format!("left({one}, {other})"),
            2 => format!("lpad({one}, {}, '0')", self.pick(&["0", "7", "100", "10000"])),
            3 => format!("replace({one}, '{}', '{}')", self.pick(&["a", "J", "0", ""]), self.pick(&["", "b", "bb"])),
            4 => format!("({one} || {})", self.word(depth + 2)),
            5 => format!("CASE WHEN {other} > 3 THEN {one} ELSE '-' END"),
            6 => format!("coalesce({one}, CAST({other} AS VARCHAR))"),
            7 => format!("regexp_extract({one}, '{}')", self.pick(&["[A-Z]", "(a|b)*", "^.", "\\d+"])),
            _ => self.pick(&["q.CNES", "q.DIAG_PRINC", "q.MUNIC_RES"]).to_owned(),
        }
    }

    fn figure(&mut self, depth: usize) -> String {
        if depth > 6 {
            return self.pick(&["q.IDADE", "q.VAL_TOT", "1", "0", "NULL", "-1", "9223372036854775807"]).to_owned();
        }
        let (one, other) = (self.figure(depth + 2), self.figure(depth + 2));
        match self.below(10) {
            0 => format!(
                "{}({one})",
                self.pick(&["abs", "round", "floor", "sign", "TRY_CAST", "sqrt"]).replace("TRY_CAST", "abs")
            ),
            1 => format!("({one} {} {other})", self.pick(&["+", "-", "*", "/", "%"])),
            2 => format!("length({})", self.word(depth + 2)),
            3 => format!("nullif({one}, {other})"),
            4 => format!("CASE WHEN {one} BETWEEN 1 AND 40 THEN {other} ELSE 0 END"),
            5 => format!("greatest({one}, {other})"),
            6 => format!(
                "{}({}) OVER ({})",
                self.pick(&["sum", "avg", "max", "median", "count", "lag", "first_value"]),
                self.pick(&["q.IDADE", "q.VAL_TOT"]),
                self.pick(&[
                    "",
                    "ORDER BY q.CNES",
                    "PARTITION BY q.CNES ORDER BY q.IDADE",
                    "ORDER BY q.IDADE ROWS BETWEEN 3 PRECEDING AND CURRENT ROW"
                ])
            ),
            7 if depth < 4 => format!(
                "(SELECT {}(z.IDADE) FROM sih_rd z WHERE z.CNES = q.CNES)",
                self.pick(&["max", "count", "sum", "quantile_cont"]).replace("quantile_cont", "median")
            ),
            _ => self.pick(&["q.IDADE", "q.VAL_TOT", "q.DIAS_PERM", "2.5", "100"]).to_owned(),
        }
    }

    fn day(&mut self, depth: usize) -> String {
        let count = self.figure(depth + 3);
        match self.below(6) {
            0 => format!("date_trunc('{}', q.DT_INTER)", self.pick(&["month", "year", "week", "century"])),
            1 => format!("(q.DT_INTER + INTERVAL {} DAY)", self.pick(&["1", "-400", "2147483647"])),
            2 => "date_diff('day', q.DT_INTER, q.DT_SAIDA)".to_owned(),
            3 => format!("strftime(q.DT_INTER, '{}')", self.pick(&["%Y-%m", "%d", "%%%%%j"])),
            4 => format!("(q.DT_INTER + to_days(CAST({count} AS INTEGER)))"),
            _ => "q.DT_INTER".to_owned(),
        }
    }

    fn anything(&mut self, depth: usize) -> String {
        if depth > 6 {
            return self.pick(EDGES).to_owned();
        }
        match self.below(16) {
            0..=2 => self
                .pick(&[
                    "CNES",
                    "IDADE",
                    "VAL_TOT",
                    "DT_INTER",
                    "CAUSABAS",
                    "r",
                    "n",
                    "t",
                    "u",
                    "x",
                    "*",
                    "COLUMNS(*)",
                    "current_user",
                ])
                .to_owned(),
            3..=4 => self.pick(EDGES).to_owned(),
            5..=8 => {
                let names: Vec<&str> = gate::function_names().collect();
                let name = self.pick(&names);
                let arguments = self.some(3, ", ", |g| g.value(depth + 2));
                match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    true => format!("{name}({arguments})"),
                    false => format!("({} {name} {})", self.pick(EDGES), self.pick(EDGES)),
                }
            }
            9 => format!(
                "{}({}) OVER ({})",
                self.pick(&["sum", "lag", "lead", "nth_value", "list", "median", "first_value", "ntile", "count"]),
                self.value(depth + 2),
                self.pick(&[
                    "",
                    "ORDER BY 1",
                    "PARTITION BY 1",
                    "ORDER BY 1 ROWS BETWEEN 3 PRECEDING AND 9223372036854775807 FOLLOWING"
                ])
            ),
            10 => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                self.condition(depth + 1),
                self.value(depth + 1),
                self.value(depth + 1)
            ),
            11 => format!(
                "{}({} AS {})",
                self.pick(&["CAST", "TRY_CAST"]),
                self.value(depth + 1),
                self.pick(&[
                    "VARCHAR",
                    "BIGINT",
                    "DECIMAL(38, 2)",
                    "DATE",
                    "DOUBLE",
                    "TIMESTAMP",
                    "VARCHAR[]",
                    "INTERVAL"
                ])
            ),
            12 if depth < 3 => format!("({})", self.query(depth + 2)),
            13 => {
                format!("list_transform([{}, {}], y -> {})", self.pick(EDGES), self.pick(EDGES), self.value(depth + 2))
            }
            14 => format!("[{}, {}]", self.value(depth + 1), self.value(depth + 1)),
            _ => format!(
                "({} {} {})",
                self.value(depth + 1),
                self.pick(&["+", "-", "*", "/", "||", "%", "**", "<<"]),
                self.value(depth + 1)
            ),
        }
    }

    /// Something around something, many times.
    fn nested(&mut self) -> String {
        let depth = 1 + self.below(60);
        let (open, inside, close) = [
            ("(SELECT ", "1", ")"),
            ("list_transform([1], x -> ", "x", ")"),
            ("nullif(", "1", ", 2)"),
            ("[", "1", "]"),
            ("{'a': ", "1", "}"),
            ("- ", "1", ""),
            ("NOT ", "true", ""),
            ("CASE ", "1", " WHEN 1 THEN 1 WHEN 2 THEN 3 END"),
            ("CAST(", "'1'", " AS VARCHAR)"),
            ("coalesce(", "1", ", 2)"),
            ("replace(", "'a'", ", 'a', 'aa')"),
            ("(", "1", " IN (1, 2))"),
            ("lpad(", "'a'", ", 5000, 'b')"),
            ("split_part(", "'a'", ", 'b', 1)"),
            ("concat(", "'a'", ", 'b', 'c')"),
        ][self.below(15)];
        format!("SELECT {}{inside}{} FROM {}", open.repeat(depth), close.repeat(depth), self.table(3))
    }

    /// Pieces lost, doubled, or put elsewhere.
    fn damaged(&mut self, sql: String) -> String {
        let mut words: Vec<&str> = sql.split(' ').collect();
        for _ in 0..1 + self.below(3) {
            let (at, other) = (self.below(words.len()), self.below(words.len()));
            match self.below(4) {
                0 => drop(words.remove(at)),
                1 => words.swap(at, other),
                2 => words.insert(at, words[other]),
                _ => words.insert(
                    at,
                    self.pick(&["/*", "*/", "--", "'", "\"", "$$", ";", "(", ")", "\u{0}", "\u{feff}", "é"]),
                ),
            }
            if words.is_empty() {
                break;
            }
        }
        words.join(" ")
    }
}
