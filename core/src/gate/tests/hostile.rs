//! Texts that crashed, stalled or outgrew the engine behind the gate (DuckDB 1.5.5), and their brothers. The gate's own tests and
//! those through a client in a child process share them.

fn nested(open: &str, inside: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + inside + &close.repeat(depth)
}

fn list(count: usize, separator: &str, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(separator)
}

/// CTEs of which each is made of the one before.
fn chained(kind: &str, first: &str, count: usize, next: impl Fn(usize) -> String) -> String {
    let others = list(count, "", |i| format!(", a{} AS {kind} ({})", i + 1, next(i)));
    format!("WITH a0 AS {kind} ({first}){others} SELECT count(*) FROM a{count}")
}

/// Each is refused by the gate.
pub fn refused() -> Vec<(&'static str, String)> {
    let of = |name, sql: &str| (name, sql.to_owned());
    let smallest = i64::MIN;
    let mut all = vec![
        // crashes
        ("lag by the smallest number", format!("SELECT lag(range, {smallest}) OVER () FROM range(3)")),
        ("lead by the smallest number", format!("SELECT lead(CNES, {smallest}) OVER () FROM sih_rd")),
        ("lag of a column", format!("SELECT lag(CNES, {smallest}) OVER (ORDER BY CNES) FROM sih_rd")),
        of("lag by a computed offset", "SELECT lag(range, range - 9223372036854775807) OVER () FROM range(3)"),
        of("lag by NULL", "SELECT lag(range, NULL) OVER () FROM range(3)"),
        of("nth_value by a column", "SELECT nth_value(range, range) OVER () FROM range(3)"),
        of("ntile of a column", "SELECT ntile(range) OVER () FROM range(3)"),
        // planning without end
        ("subqueries, 100 deep", format!("SELECT {}", nested("(SELECT ", "1", ")", 100))),
        (
            "EXISTS, 30 deep",
            format!(
                "SELECT 1 FROM range(3) WHERE {}",
                nested("EXISTS (SELECT 1 FROM range(3) WHERE ", "true", ")", 30)
            ),
        ),
        ("lambdas, 30 deep", format!("SELECT {}", nested("list_transform([1, 2], x -> ", "x", ")", 30))),
        (
            "list comprehensions, 20 deep",
            format!("SELECT {}1{}", "[".repeat(20), list(20, "", |i| format!(" for x{i} in [1, 2]]"))),
        ),
        (
            "CTEs that double, not materialised",
            chained("NOT MATERIALIZED", "SELECT 1 x", 39, |i| format!("SELECT l.x FROM a{i} l, a{i} r")),
        ),
        ("stars that double", chained("", "SELECT 1 x, 2 y", 39, |i| format!("SELECT * FROM a{i} l, a{i} r"))),
        (
            "stars that double in subqueries",
            format!(
                "SELECT * FROM {}",
                (0..24)
                    .fold("(SELECT 1 x)".to_owned(), |inner, _| format!("(SELECT * FROM {inner} l, (SELECT 1) r)"))
                    .replace("(SELECT 1) r", "sih_rd r")
            ),
        ),
        (
            "aliases that double",
            format!("SELECT range AS a0{} FROM range(2)", list(40, "", |i| format!(", a{i} + a{i} AS a{}", i + 1))),
        ),
        (
            "aliases in a chain",
            format!("SELECT range AS a0{} FROM range(2)", list(200, "", |i| format!(", a{i} + 1 AS a{}", i + 1))),
        ),
        (
            "350 joins",
            format!(
                "WITH c AS (SELECT 1 x) SELECT count(*) FROM c c0{}",
                list(349, "", |i| format!(" JOIN c c{} ON c{}.x = c{i}.x", i + 1, i + 1))
            ),
        ),
        ("80 comma joins", format!("SELECT count(*) FROM {}", list(80, ", ", |i| format!("range(2) c{i}")))),
        (
            "300 IN subqueries",
            format!(
                "SELECT 1 FROM range(3) WHERE {}",
                list(300, " AND ", |_| "range IN (SELECT range FROM range(3))".into())
            ),
        ),
        (
            "computed equalities",
            format!(
                "SELECT 1 FROM range(3) a(x), range(3) b(x) WHERE {}",
                list(300, " AND ", |i| format!("a.x + {i} = b.x"))
            ),
        ),
        (
            "ORs of ANDs",
            format!("SELECT 1 FROM range(3) WHERE {}", list(1_200, " OR ", |i| format!("(range={i} AND range<>{i})"))),
        ),
        ("nullif, 30 deep", format!("SELECT {} FROM range(3)", nested("nullif(", "range", ", 1)", 30))),
        ("split_part, 20 deep", format!("SELECT {}", nested("split_part(", "'a'", ", 'b', 1)", 20))),
        ("structs, 300 deep", format!("SELECT {}", nested("{'a': ", "1", "}", 300))),
        ("lists, 200 deep", format!("SELECT {}", nested("[", "1", "]", 200))),
        ("a sum of all columns, 300 times", format!("SELECT {} FROM sih_rd", vec!["COLUMNS(*)"; 300].join(" || "))),
        ("VALUES of 9,000 columns", format!("VALUES ({})", vec!["1"; 9_000].join(","))),
        (
            "UNION BY NAME of 3,200 columns",
            list(60, " UNION ALL BY NAME ", |i| format!("SELECT {}", list(50, ", ", |j| format!("1 AS c{i}_{j}")))),
        ),
        (
            "CUBE of 12",
            format!("SELECT count(*) FROM sih_rd GROUP BY CUBE ({})", list(12, ", ", |i| format!("IDADE + {i}"))),
        ),
        (
            "ROLLUPs multiplied",
            format!("SELECT count(*) FROM sih_rd GROUP BY {}", ["ROLLUP (CNES, IDADE)"; 6].join(", ")),
        ),
        (
            "500 FILTERs",
            format!(
                "SELECT {} FROM sih_rd",
                list(500, ", ", |i| format!("sum(IDADE) FILTER (WHERE IDADE = {i}) AS s{i}"))
            ),
        ),
        // the parser
        ("comments in comments", format!("{} SELECT 1", nested("/*", "", "*/", 15_000))),
        ("comments that do not end", format!("SELECT 1 {}", "/*".repeat(30_000))),
        ("a run of plus signs", format!("SELECT 1 {} 1", "+".repeat(30_000))),
        ("a run of signs", format!("SELECT 1 {} 1", "+-".repeat(10_000))),
        (
            "CASE of CASE",
            format!("SELECT {}", nested("CASE ", "1", " WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 END", 15)),
        ),
        (
            "a long operand of CASE",
            format!("SELECT CASE {}{} END FROM sih_rd", vec!["IDADE"; 300].join("+"), " WHEN 1 THEN 1".repeat(3_000)),
        ),
        (
            "a long window by its name",
            format!(
                "SELECT {} FROM sih_rd WINDOW w AS (ORDER BY {})",
                vec!["count(*) OVER w"; 1_500].join(","),
                vec!["IDADE"; 4_000].join(",")
            ),
        ),
        (
            "hundreds of CUBEs",
            format!(
                "SELECT {}",
                list(600, ", ", |_| "(SELECT 1 GROUP BY CUBE(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15))".into())
            ),
        ),
        ("IN of 20,000", format!("SELECT 1 FROM sih_rd WHERE IDADE IN ({})", vec!["1"; 20_000].join(","))),
        // functions that no interrupt stops
        ("GLOB with twenty wildcards", format!("SELECT lpad('', 10000, 'a') GLOB '{}*ab'", "*a".repeat(20))),
        ("ILIKE with ten wildcards", format!("SELECT count(*) FROM sih_rd WHERE CNES ILIKE '{}b'", "%a".repeat(10))),
        ("LIKE with five wildcards and _", format!("SELECT lpad('', 300, 'a') LIKE '{}b'", "%a_".repeat(5))),
        ("LIKE with an escape", format!("SELECT lpad('', 300, 'a') LIKE '{}b' ESCAPE '!'", "%a".repeat(5))),
        of(
            "LIKE by a column",
            "SELECT count(*) FROM sih_rd, (VALUES ('%a%a%a%a%b')) v(p) WHERE lpad(CNES, 5000, 'a') LIKE p",
        ),
        of("LIKE by a computed pattern", "SELECT count(*) FROM sih_rd WHERE CNES LIKE replace('x%x%x%', 'x', '%a')"),
        of(
            "levenshtein of long texts",
            "SELECT max(levenshtein(lpad(CNES, 10000, 'b'), lpad('x', 10000, 'y'))) FROM sih_rd",
        ),
        of(
            "levenshtein of what was put together",
            "WITH a AS (SELECT string_agg(CNES, '') t FROM sih_rd) SELECT levenshtein(t, t) FROM a",
        ),
        of("damerau_levenshtein", "SELECT max(damerau_levenshtein(CNES, MUNIC_RES)) FROM sih_rd"),
        of("a regular expression of each row", "SELECT count(*) FROM sih_rd WHERE regexp_matches(CNES, MUNIC_RES)"),
        of(
            "a regular expression that repeats",
            "SELECT count(*) FROM sih_rd WHERE CNES SIMILAR TO '(((a{1,90}){1,90}){1,90})'",
        ),
        // memory faster than it can be looked at
        of("a list for each row", "SELECT list(CNES) OVER () FROM sih_rd"),
        of("a text for each row", "SELECT string_agg(CNES, ',') OVER () FROM sih_rd"),
        of("a histogram for each row", "SELECT histogram(CNES) OVER (ORDER BY CNES) FROM sih_rd"),
        // frames that are read anew for each row, deaf to interrupts
        of("mad over frames", "SELECT mad(range) OVER (ORDER BY range) FROM range(500000)"),
        of(
            "DISTINCT with EXCLUDE",
            "SELECT count(DISTINCT range) OVER (ORDER BY range ROWS BETWEEN 100000 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM range(500000)",
        ),
        of(
            "DISTINCT with EXCLUDE TIES",
            "SELECT sum(DISTINCT range) OVER (ORDER BY range RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM range(500000)",
        ),
        of("the largest million", "SELECT max(CNES, 1000000 - 1) FROM sih_rd"),
        ("a replacement of 10,000", format!("SELECT replace(CNES, '0', '{}') FROM sih_rd", "c".repeat(10_000))),
        of(
            "a computed replacement",
            "SELECT len(string_split(replace(lpad('', 10000, 'b'), 'b', lpad('', 10000, 'c')), ''))",
        ),
        (
            "replacements of replacements",
            format!("SELECT {} FROM sih_rd", nested("replace(", "CNES", ", 'a', 'aaaaaaaaaa')", 10)),
        ),
        (
            "replacements in CTEs",
            chained("", "SELECT CNES x FROM sih_rd", 10, |i| {
                format!("SELECT replace(x, 'a', 'aaaaaaaaaa') AS x FROM a{i}")
            }),
        ),
        (
            "a long text that is the same in every row",
            format!("SELECT {}'a'{} AS x FROM sih_rd", "replace(".repeat(18), ", 'a', 'aa')".repeat(18)),
        ),
        (
            "texts that double in CTEs",
            chained("", "SELECT CNES x FROM sih_rd", 20, |i| format!("SELECT x || x AS x FROM a{i}")),
        ),
        (
            "texts that double in subqueries",
            (0..20).fold("SELECT CNES AS x FROM sih_rd".to_owned(), |inner, _| {
                format!("SELECT x || x AS x FROM ({inner}) t")
            }),
        ),
        of(
            "texts that double in a recursion",
            "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t",
        ),
        of(
            "lists that double in a recursion",
            "WITH RECURSIVE t(s) AS (SELECT [1] UNION ALL SELECT list_concat(s, s) FROM t) SELECT max(len(s)) FROM t",
        ),
        of(
            "a long text for each element",
            "SELECT list_transform(string_split(CNES, ''), x -> lpad(x, 10000, 'y')) FROM sih_rd",
        ),
        // hidden behind a bare word
        of("current_user", "SELECT current_user"),
        of("CURRENT_SCHEMA in a subquery", "SELECT (SELECT CURRENT_SCHEMA)"),
        of("localtime", "SELECT count(*) FROM sih_rd WHERE localtime > TIME '00:00:00'"),
        of("localtimestamp", "SELECT localtimestamp"),
        of("\"user\" in quotes", "SELECT \"user\" FROM sih_rd"),
        of("session_user in ORDER BY", "SELECT CNES FROM sih_rd ORDER BY session_user"),
        of("current_catalog", "SELECT upper(current_catalog)"),
        of("current_role", "SELECT current_role"),
        of("current_time", "SELECT current_time"),
    ];
    all.push(("recursions in recursions", (0..8).fold("SELECT 1 AS x".to_owned(), |inner, i| format!("WITH RECURSIVE t{i}(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM ({inner}) q WHERE x < 3) SELECT x FROM t{i}"))));
    all
}

/// Each passes, and runs within its bounds: near the limits, or large in a harmless way.
pub fn harmless() -> Vec<(&'static str, String)> {
    vec![
        ("subqueries, 8 deep", format!("SELECT {}", nested("(SELECT ", "1", ")", 8))),
        ("lambdas, 6 deep", format!("SELECT {}", nested("list_transform([1, 2], x -> ", "x", ")", 6))),
        ("CTEs that double, materialised by default", chained("", "SELECT 1 x", 20, |i| format!("SELECT l.x FROM a{i} l, a{i} r"))),
        ("stars over stars", chained("", "SELECT * FROM sih_rd", 40, |i| format!("SELECT * FROM a{i}"))),
        ("30 joins", format!("SELECT count(*) FROM range(2) c0(x){}", list(29, "", |i| format!(" JOIN range(2) c{}(x) ON c{}.x = c{i}.x", i + 1, i + 1)))),
        ("a sum of 200", format!("SELECT {}", vec!["1"; 200].join("+"))),
        ("IN of 5,000", format!("SELECT count(*) FROM sih_rd WHERE CNES IN ({})", list(5_000, ",", |i| format!("'{i:07}'")))),
        ("ORs of 300 ANDs", format!("SELECT count(*) FROM sih_rd WHERE {}", list(300, " OR ", |i| format!("(IDADE = {i} AND CNES = '{i}')")))),
        ("CASE of 1,000 codes", format!("SELECT CASE CNES {} END FROM sih_rd", list(1_000, " ", |i| format!("WHEN '{i:07}' THEN {i}")))),
        ("150 FILTERs", format!("SELECT {} FROM sih_rd", list(150, ", ", |i| format!("sum(IDADE) FILTER (WHERE IDADE = {i}) AS s{i}")))),
        ("CUBE of 5", "SELECT count(*) FROM sih_rd GROUP BY CUBE (CNES, IDADE, MUNIC_RES, UF_ZI, MES_CMPT)".into()),
        ("a hundred columns CASE", format!("SELECT {} FROM sih_rd", list(100, ", ", |i| format!("CASE WHEN IDADE BETWEEN {i} AND {i} + 4 THEN 'a' WHEN IDADE > 90 THEN 'b' ELSE 'c' END AS f{i}")))),
        ("accents by replace", format!("SELECT {} FROM sih_rd", (0..20).fold("CNES".to_owned(), |inner, i| format!("replace({inner}, '{i}', 'a')")))),
        ("a path in a recursion", "WITH RECURSIVE t(n, s) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, s || '/' || n FROM t WHERE n < 50) SELECT max(s) FROM t".into()),
        ("LIKE with ten wildcards, plain", format!("SELECT count(*) FROM sih_rd WHERE CNES LIKE '{}'", "%0".repeat(10))),
        ("ILIKE inside", "SELECT count(*) FROM sih_rd WHERE CNES ILIKE '%0%1%'".into()),
        ("moves by a thousand rows", "SELECT lag(IDADE, 1000) OVER (ORDER BY CNES), lead(IDADE, 12, 0) OVER (ORDER BY CNES) FROM sih_rd".into()),
        ("comments", "/* a /* b */ */ SELECT /* c */ 1 -- d /* e".into()),
        ("a ruler of signs in a text", "SELECT '++++++++++++++++++++++++++++++++++++' || \"CNES\" FROM sih_rd".into()),
    ]
}
