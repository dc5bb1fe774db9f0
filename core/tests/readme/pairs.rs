//! Pages in English beside their Portuguese: block by block the same facts. A block is a heading, a paragraph, an item of a list,
//! a row of a table or a piece of code; its facts are its numbers (so its DS codes), its words in code, and where its links lead.

use super::{read, root};

/// Pages without a pair: speed.md is numbers, and its Portuguese page a summary.
const ALONE: [&str; 1] = ["speed.md"];

/// Words inside code that a reader fills in or that are printed for people.
const WORDS: [(&str, &str); 4] = [
    ("<pasta>", "<folder>"),
    ("usuario:senha@", "user:password@"),
    ("5432/banco", "5432/database"),
    ("{} linhas", "{} rows"),
];

#[derive(Debug, PartialEq)]
struct Block {
    /// `##`, `-`, `|` with the number of cells, the opening fence, or nothing for a paragraph.
    kind: String,
    facts: Vec<String>,
    text: String,
}

/// Code without what is said to people: comments, and drawings (a fence without a language).
fn said_to_machines(fence: &str, line: &str) -> String {
    let comment = match fence {
        "```" => return String::new(),
        "```python" | "```sh" => "#",
        _ => "//",
    };
    let begins = |at: &usize| line[at + comment.len()..].starts_with(' ') && (*at == 0 || line[..*at].ends_with(' '));
    let at = line.match_indices(comment).map(|(at, _)| at).find(begins);
    line[..at.unwrap_or(line.len())].trim_end().to_owned()
}

/// Numbers without the signs between their digits, which differ by language: 10,000 and 10.000.
fn numbers(text: &str) -> Vec<String> {
    let mut found = vec![];
    let mut number = String::new();
    let letters: Vec<char> = text.chars().chain([' ']).collect();
    for (at, letter) in letters.iter().enumerate() {
        let between = matches!(letter, '.' | ',') && letters.get(at + 1).is_some_and(char::is_ascii_digit);
        match letter {
            _ if letter.is_ascii_digit() => number.push(*letter),
            _ if between && !number.is_empty() => {}
            _ if !number.is_empty() => found.push(std::mem::take(&mut number)),
            _ => {}
        }
    }
    found
}

fn facts(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut facts = vec![];
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            facts.push(format!("`{part}`"));
            continue;
        }
        let mut prose = String::new();
        for (at, piece) in part.split("](").enumerate() {
            let after = match piece.split_once(')') {
                Some((target, after)) if at > 0 => {
                    let path = target.split('#').next().unwrap_or_default().replace(".pt-BR", "");
                    facts.push(format!("-> {}", path.rsplit('/').next().unwrap_or_default()));
                    after
                }
                _ => piece,
            };
            prose.push_str(after);
            // The words of a link are often the path itself.
            if let Some(open) = prose.rfind('[').filter(|_| part.contains("](")) {
                prose.truncate(open);
            }
        }
        facts.extend(numbers(&prose));
    }
    facts.sort();
    facts
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    let mut fence = None::<String>;
    let mut fresh = true;
    for line in page.lines() {
        if line.starts_with("```") {
            match fence.take() {
                Some(_) => fresh = true,
                None => {
                    fence = Some(line.to_owned());
                    blocks.push(Block { kind: line.to_owned(), facts: vec![], text: String::new() });
                }
            }
            continue;
        }
        if let Some(fence) = &fence {
            let block = blocks.last_mut().unwrap();
            block.facts.push(said_to_machines(fence, line));
            continue;
        }
        let kind = match line.split(' ').next().unwrap_or_default() {
            marks if !marks.is_empty() && marks.chars().all(|c| c == '#') => marks.to_owned(),
            "-" => "-".to_owned(),
            cell if cell.starts_with('|') => format!("{} cells", line.matches(" |").count()),
            _ => String::new(),
        };
        // The line that leads to the other language.
        let other = line.starts_with("*In English") || line.starts_with("*Em português");
        fresh |= line.is_empty() || !kind.is_empty();
        if line.is_empty() || other || line.starts_with("|---") {
            continue;
        }
        match blocks.last_mut() {
            Some(block) if !fresh => block.text.push_str(&format!(" {line}")),
            _ => blocks.push(Block { kind, facts: vec![], text: line.to_owned() }),
        }
        fresh = line.starts_with('#');
    }
    for block in blocks.iter_mut().filter(|block| !block.kind.starts_with("```")) {
        block.facts = facts(&block.text);
    }
    blocks
}

/// What stands in one page and not in the other.
fn differences(english: &str, portuguese: &str) -> Vec<String> {
    let portuguese = WORDS.iter().fold(portuguese.to_owned(), |page, (pt, en)| page.replace(pt, en));
    let (english, portuguese) = (blocks(english), blocks(&portuguese));
    let mut differences = vec![];
    for (en, pt) in english.iter().zip(&portuguese) {
        let begin = |block: &Block| block.text.chars().take(70).collect::<String>();
        if en.kind != pt.kind {
            differences.push(format!("{:?} {:?} beside {:?} {:?}", en.kind, begin(en), pt.kind, begin(pt)));
            return differences;
        }
        let lacks = |of: &[String], in_: &[String]| {
            let mut left = in_.to_vec();
            let missing = of.iter().filter(|fact| match left.iter().position(|other| other == *fact) {
                Some(at) => {
                    left.remove(at);
                    false
                }
                None => true,
            });
            missing.cloned().collect::<Vec<_>>()
        };
        let (only_en, only_pt) = (lacks(&en.facts, &pt.facts), lacks(&pt.facts, &en.facts));
        if !only_en.is_empty() || !only_pt.is_empty() {
            differences.push(format!("{}\n    only English: {only_en:?}\n    only Portuguese: {only_pt:?}", begin(en)));
        }
    }
    if english.len() != portuguese.len() {
        differences.push(format!("{} blocks beside {}", english.len(), portuguese.len()));
    }
    differences
}

/// Sentences that are the same in both.
fn left_in_english(english: &str, portuguese: &str) -> Vec<String> {
    let english = blocks(english);
    let words = |block: &Block| {
        let prose = block.text.split('`').step_by(2).collect::<String>();
        prose.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1).count()
    };
    let same =
        blocks(portuguese).into_iter().filter(|pt| words(pt) >= 3 && english.iter().any(|en| en.text == pt.text));
    same.map(|block| format!("still in English: {}", block.text)).collect()
}

fn pages() -> Vec<String> {
    let names =
        std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    pages.sort();
    assert!(pages.len() >= 7, "{pages:?}");
    pages
}

#[test]
fn each_page_says_in_portuguese_what_it_says_in_english() {
    let mut wrong = vec![];
    for page in pages().iter().filter(|page| !ALONE.contains(&page.as_str())) {
        let (english, portuguese) = (read(&format!("docs/{page}")), read(&format!("docs/pt/{page}")));
        let both = differences(&english, &portuguese).into_iter().chain(left_in_english(&english, &portuguese));
        wrong.extend(both.map(|what| format!("docs/{page}: {what}")));
    }
    let readmes = differences(&read("README.md"), &read("README.pt-BR.md"));
    wrong.extend(readmes.into_iter().map(|what| format!("README: {what}")));
    assert!(wrong.is_empty(), "docs/*.md and docs/pt/*.md are changed together:\n{}", wrong.join("\n"));
}

/// A noun that no page uses is another one's second name.
#[test]
fn the_words_of_the_glossary_are_those_of_the_docs_in_both_languages() {
    let all = |folder: &str, readme: &str| {
        let texts = pages().into_iter().map(|page| read(&format!("{folder}/{page}")));
        texts
            .chain([read(readme), read("CONTRIBUTING.md").split("## Words").next().unwrap().to_owned()])
            .collect::<String>()
    };
    let (english, portuguese) = (all("docs", "README.md"), all("docs/pt", "README.pt-BR.md"));
    let contributing = read("CONTRIBUTING.md");
    let table = contributing.split("## Words").nth(1).and_then(|after| after.split("\n## ").next()).unwrap();
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with("| ")).map(|row| row.split(" | ").collect()).collect();
    assert!(rows.len() > 30, "{}", rows.len());
    let lacks = |words: &str, text: &str| {
        let text = text.to_lowercase();
        words.trim_start_matches("| ").to_lowercase().split(", ").any(|word| !text.contains(word))
    };
    let unused: Vec<&Vec<&str>> = rows
        .iter()
        .skip(1)
        .filter(|row| row[1] != "–" && (lacks(row[0], &english) || lacks(row[1], &portuguese)))
        .collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn each_page_leads_to_its_other_language() {
    let readme = read("README.pt-BR.md");
    for page in pages() {
        assert!(read(&format!("docs/{page}")).contains(&format!("[pt/{page}](pt/{page})")), "docs/{page}");
        assert!(read(&format!("docs/pt/{page}")).contains(&format!("[{page}](../{page})")), "docs/pt/{page}");
        assert!(readme.contains(&format!("(docs/pt/{page})")), "README.pt-BR.md names no docs/pt/{page}");
    }
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    let docs = pages().into_iter().flat_map(|page| [format!("docs/{page}"), format!("docs/pt/{page}")]);
    let faces = ["node", "python", "c"].map(|face| format!("bindings-{face}/README.md"));
    let mut links = 0;
    for page in docs.chain(faces).chain(["README.md", "README.pt-BR.md", "CONTRIBUTING.md"].map(String::from)) {
        for link in read(&page).split("](").skip(1).filter_map(|after| after.split([')', '#']).next()) {
            links += 1;
            let target = root().join(&page).parent().unwrap().join(link);
            assert!(link.starts_with("http") || target.exists(), "{page}: {link}");
        }
    }
    assert!(links > 40, "{links}");
}

#[test]
fn a_page_that_says_something_else_is_noticed() {
    let english = "# A\n\nTen are DS-404, 10,000 rows; `limit`.\n\n| a | b |\n|---|---|\n| 1 | `x` |\n\n```python\nf(1)  # one\n```\n";
    let same = "# A\n\nDez são DS-404, com `limit`: 10.000 linhas.\n\n| a | b |\n|---|---|\n| 1 | `x` |\n\n```python\nf(1)  # um\n```\n";
    assert_eq!(differences(english, same), Vec::<String>::new());
    let mistakes = [
        ("DS-404", "DS-409"),
        ("10.000", "1.000"),
        ("`limit`", "`limite`"),
        ("| 1 |", "| 2 |"),
        ("f(1)", "f(2)"),
        ("# A\n", ""),
    ];
    for (right, wrong) in mistakes {
        assert!(!differences(english, &same.replacen(right, wrong, 1)).is_empty(), "{right} -> {wrong}");
    }
    assert!(left_in_english(english, same).is_empty());
    assert!(!left_in_english("Rows of a file.", "Rows of a file.").is_empty());
}
