//! Names as people write them, brought to one form to be compared.

/// Upper case, without the accents of Portuguese and without blanks, hyphens, underscores and dots.
pub fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_uppercase)
        .filter_map(|c| match c {
            'Á' | 'À' | 'Â' | 'Ã' | 'Ä' => Some('A'),
            'É' | 'È' | 'Ê' | 'Ë' => Some('E'),
            'Í' | 'Ì' | 'Î' | 'Ï' => Some('I'),
            'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ö' => Some('O'),
            'Ú' | 'Ù' | 'Û' | 'Ü' => Some('U'),
            'Ç' => Some('C'),
            // Accents that stand beside their letter, as macOS writes them.
            '\u{300}'..='\u{36f}' => None,
            '-' | '_' | '.' => None,
            c if c.is_whitespace() => None,
            other => Some(other),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn accents_case_and_separators_do_not_count() {
        assert_eq!(fold("São Paulo"), "SAOPAULO");
        assert_eq!(fold("Sa\u{303}o  paulo"), "SAOPAULO");
        assert_eq!(fold("sih_rd"), fold("SIH-RD"));
    }
}
