//! "Did you mean ...?"

/// The candidates nearest to `given` (case and accents aside), best first, three at most; none when nothing is near.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let folded = fold(given);
    let mut near: Vec<(f64, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let score = strsim::normalized_damerau_levenshtein(&folded, &fold(candidate));
            (score >= 0.6 || (folded.len() <= 3 && score >= 0.5)).then_some((score, candidate))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.truncate(3);
    near.into_iter().map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Upper case, without the accents of Portuguese and without separators.
fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_uppercase)
        .filter_map(|c| match c {
            'Á' | 'À' | 'Â' | 'Ã' => Some('A'),
            'É' | 'Ê' => Some('E'),
            'Í' => Some('I'),
            'Ó' | 'Ô' | 'Õ' => Some('O'),
            'Ú' | 'Ü' => Some('U'),
            'Ç' => Some('C'),
            ' ' | '-' | '_' => None,
            other => Some(other),
        })
        .collect()
}
