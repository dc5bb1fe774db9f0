//! "Did you mean ...?"

use super::fold;

/// Bytes of a name that somebody mistyped: comparing takes the product of two lengths.
const LONGEST: usize = 128;

/// How near a name is that goes on behind `_` where `given` ends: `municipio_nome_residencia` where `municipio_nome` was written.
const BEGUN: f64 = 0.9;

/// The candidates nearest to `given` (case and accents aside), best first, three at most; none when nothing is near. Of
/// those that are equally near, the one that `candidates` names first.
/// Nothing is near a text that is longer than any name.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    if given.len() > LONGEST {
        return Vec::new();
    }
    let folded = fold(given);
    let mut near: Vec<(f64, &str)> = Vec::new();
    for candidate in candidates {
        let score = strsim::normalized_damerau_levenshtein(&folded, &fold(candidate));
        let begins = candidate.get(..given.len()).is_some_and(|start| start.eq_ignore_ascii_case(given));
        let is_begun = given.len() > 3 && begins && candidate[given.len()..].starts_with('_');
        let score = if is_begun { score.max(BEGUN) } else { score };
        let is_near = score >= 0.6 || (folded.len() <= 3 && score >= 0.5);
        if is_near && !near.iter().any(|(_, known)| *known == candidate) {
            near.push((score, candidate));
        }
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(3);
    near.into_iter().map(|(_, candidate)| candidate.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_goes_on_is_near() {
        let names = ["municipio_nome_residencia", "municipio_nome_ocorrencia", "municipio_7_residencia"];
        assert_eq!(did_you_mean("Municipio_Nome", names), ["municipio_nome_residencia", "municipio_nome_ocorrencia"]);
        assert_eq!(did_you_mean("municipi", names), Vec::<String>::new());
    }
}
