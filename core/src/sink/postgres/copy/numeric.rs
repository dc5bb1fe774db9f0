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
