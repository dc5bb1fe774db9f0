//! NUMERIC on the wire: digits of base 10000 around the decimal point, without leading and trailing zeros.

/// Powers of ten that fit 128 bits.
pub(super) const POW10: [u128; 39] = {
    let mut powers = [1u128; 39];
    let mut exponent = 1;
    while exponent < 39 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

const BASE: u64 = 10_000;
/// Ten groups on each side of the point hold 39 digits, and one more each for the fractions of a group.
const GROUPS: usize = 22;

/// Appends the field (length, header, digits) of `value` / 10^`scale` and gives its size.
pub(super) fn append(value: i128, scale: u8, out: &mut Vec<u8>) -> u8 {
    append_money(value, scale, out).unwrap_or_else(|| append_any(value, scale, out))
}

fn append_any(value: i128, scale: u8, out: &mut Vec<u8>) -> u8 {
    let magnitude = value.unsigned_abs();
    let mut groups = [0u16; GROUPS];
    let (first, weight) = match u64::try_from(magnitude) {
        Ok(small) if scale <= 18 => split_u64(small, scale, &mut groups),
        _ => split_u128(magnitude, scale, &mut groups),
    };
    let digits = &groups[first..];
    let leading = digits.iter().take_while(|group| **group == 0).count();
    let digits = &digits[leading..];
    let trailing = digits.iter().rev().take_while(|group| **group == 0).count();
    let digits = &digits[..digits.len() - trailing];
    // Zero has weight 0 and no digits.
    let weight = if digits.is_empty() { 0 } else { weight - leading as i16 };
    let sign: u16 = if value < 0 { 0x4000 } else { 0 };

    let mut field = [0u8; 12 + 2 * GROUPS];
    let size = 8 + 2 * digits.len();
    field[..4].copy_from_slice(&(size as i32).to_be_bytes());
    field[4..6].copy_from_slice(&(digits.len() as u16).to_be_bytes());
    field[6..8].copy_from_slice(&weight.to_be_bytes());
    field[8..10].copy_from_slice(&sign.to_be_bytes());
    field[10..12].copy_from_slice(&u16::from(scale).to_be_bytes());
    for (place, group) in field[12..].chunks_exact_mut(2).zip(digits) {
        place.copy_from_slice(&group.to_be_bytes());
    }
    out.extend_from_slice(&field[..4 + size]);
    (4 + size) as u8
}

/// Up to eight digits before the point and four behind it: three groups, without a loop. None: it is not of that form.
#[inline(always)]
fn append_money(value: i128, scale: u8, out: &mut Vec<u8>) -> Option<u8> {
    let magnitude = u64::try_from(value.unsigned_abs()).ok()?;
    // Divisions by constants are multiplications.
    let (whole, fraction) = match scale {
        0 => (magnitude, 0),
        1 => (magnitude / 10, magnitude % 10 * 1_000),
        2 => (magnitude / 100, magnitude % 100 * 100),
        3 => (magnitude / 1_000, magnitude % 1_000 * 10),
        4 => (magnitude / BASE, magnitude % BASE),
        _ => return None,
    };
    if whole >= BASE * BASE {
        return None;
    }
    let groups = (whole / BASE) << 48 | (whole % BASE) << 32 | fraction << 16;
    // Groups of zeros on both sides; zero itself has weight 0 and no digits.
    let leading = (groups.leading_zeros() / 16).min(3);
    let count = 4 - (groups.trailing_zeros() / 16).min(4) - if groups == 0 { 0 } else { leading };
    let weight = if groups == 0 { 0 } else { 1 - leading as i16 };
    let sign: u64 = if value < 0 { 0x4000 } else { 0 };
    let size = 8 + 2 * count;
    let head = u64::from(size) << 32 | u64::from(count) << 16 | u64::from(weight as u16);
    let mut field = [0; 20];
    field[..8].copy_from_slice(&head.to_be_bytes());
    field[8..12].copy_from_slice(&((sign << 16) as u32 | u32::from(scale)).to_be_bytes());
    field[12..].copy_from_slice(&(groups << (16 * leading)).to_be_bytes());
    let end = out.len() + 4 + size as usize;
    out.extend_from_slice(&field);
    out.truncate(end);
    Some(4 + size as u8)
}

/// Fills `groups` from the end; gives the first one used and the weight that it has.
fn split_u64(value: u64, scale: u8, groups: &mut [u16; GROUPS]) -> (usize, i16) {
    // Money has two places: a division by a constant is a multiplication.
    let (mut whole, mut fraction) = match scale {
        0 => (value, 0),
        2 => (value / 100, value % 100),
        _ => {
            let power = POW10[usize::from(scale)] as u64;
            (value / power, value % power)
        }
    };
    let mut at = GROUPS;
    let odd = scale % 4;
    if odd > 0 {
        let power = [1, 10, 100, 1000][usize::from(odd)];
        at -= 1;
        groups[at] = ((fraction % power) * (BASE / power)) as u16;
        fraction /= power;
    }
    for _ in 0..scale / 4 {
        at -= 1;
        groups[at] = (fraction % BASE) as u16;
        fraction /= BASE;
    }
    let point = at;
    while whole > 0 {
        at -= 1;
        groups[at] = (whole % BASE) as u16;
        whole /= BASE;
    }
    (at, (point - at) as i16 - 1)
}

fn split_u128(value: u128, scale: u8, groups: &mut [u16; GROUPS]) -> (usize, i16) {
    let power = POW10[usize::from(scale.min(38))];
    let (mut whole, mut fraction) = (value / power, value % power);
    let base = u128::from(BASE);
    let mut at = GROUPS;
    let odd = scale % 4;
    if odd > 0 {
        let power = POW10[usize::from(odd)];
        at -= 1;
        groups[at] = ((fraction % power) * (base / power)) as u16;
        fraction /= power;
    }
    for _ in 0..scale / 4 {
        at -= 1;
        groups[at] = (fraction % base) as u16;
        fraction /= base;
    }
    let point = at;
    while whole > 0 {
        at -= 1;
        groups[at] = (whole % base) as u16;
        whole /= base;
    }
    (at, (point - at) as i16 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_goes_over_as_any_number_does() {
        let mut values = vec![0, i128::MAX, i128::MIN, i128::from(u64::MAX)];
        for exponent in 0..=14 {
            let power = 10i128.pow(exponent);
            values.extend([power - 1, power, power + 1, 7 * power, 10_203 * power, 99_990_000 + power]);
        }
        for value in values.iter().flat_map(|value| [*value, value.wrapping_neg()]) {
            for scale in 0..=6 {
                let (mut quick, mut any) = (Vec::new(), Vec::new());
                if let Some(size) = append_money(value, scale, &mut quick) {
                    assert_eq!((append_any(value, scale, &mut any), any), (size, quick), "{value} {scale}");
                }
            }
        }
        assert!(append_money(9_999_999_999, 2, &mut Vec::new()).is_some());
    }
}
