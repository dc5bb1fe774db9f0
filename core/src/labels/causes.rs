//! What is derived of a cause.

/// 1 for a maternal death by its cause, as the ministry's manuals have it: chapter XV but for late deaths (O96) and sequelae (O97), five
/// causes outside it, and HIV in pregnancy or the 42 days after.
pub(super) fn maternal(cause: Option<&str>, pregnant: Option<&str>, puerperium: Option<&str>) -> Option<i64> {
    let cause = cause?.trim();
    let three = cause.get(..3)?;
    let outside = ["A34", "F53", "D392", "E230", "M830"].iter().any(|code| cause.starts_with(code));
    let hiv = ("B20".."B25").contains(&three) && (pregnant == Some("1") || puerperium == Some("1"));
    let chapter = three.starts_with('O') && !["O96", "O97"].contains(&three);
    Some(i64::from(outside || hiv || chapter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_in_and_around_the_chapter() {
        assert_eq!(maternal(Some("O960"), None, None), Some(0));
        assert_eq!(maternal(Some("O979"), None, None), Some(0));
        assert_eq!(maternal(Some("O95"), None, None), Some(1));
        assert_eq!(maternal(Some("F530"), None, None), Some(1));
        assert_eq!(maternal(Some("B24"), None, None), Some(0));
        assert_eq!(maternal(Some("B24"), Some("1"), None), Some(1));
        assert_eq!(maternal(Some("D391"), None, None), Some(0));
        assert_eq!(maternal(None, None, None), None);
    }
}
