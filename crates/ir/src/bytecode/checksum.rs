//! CRC-32 (IEEE 802.3, reflected, as in zip and PNG): finds damage, not intent.
//!
//! Eight bytes at a time with a table for each, since one byte at a time took as long as reading the instructions.
//! Source: Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based CRC Generators",
//! ISCC 2005.

use super::CHECKSUM;

/// `TABLES[n][byte]`: what a byte does to the checksum that stands `n` bytes before the end of a step.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut i = 0;
        while i < 256 {
            let before = tables[n - 1][i];
            tables[n][i] = before >> 8 ^ tables[0][before as u8 as usize];
            i += 1;
        }
        n += 1;
    }
    tables
};

fn update(mut crc: u32, bytes: &[u8]) -> u32 {
    let (steps, rest) = bytes.as_chunks::<8>();
    for step in steps {
        let word = u64::from_le_bytes(*step) ^ crc as u64;
        crc = (0..8).fold(0, |crc, n| crc ^ TABLES[7 - n][(word >> (8 * n)) as u8 as usize]);
    }
    rest.iter().fold(crc, |crc, byte| TABLES[0][(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

/// The checksum of a file: of all its bytes but the four that hold it.
pub(super) fn of_file(bytes: &[u8]) -> u32 {
    !update(update(!0, &bytes[..CHECKSUM.start]), &bytes[CHECKSUM.end..])
}

#[cfg(test)]
mod tests {
    use super::update;

    #[test]
    fn equals_the_published_check_value() {
        assert_eq!(!update(!0, b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn does_not_depend_on_where_the_bytes_are_split() {
        let bytes: Vec<u8> = (0..100).map(|n| (n * 37) as u8).collect();
        for at in 0..bytes.len() {
            assert_eq!(update(update(!0, &bytes[..at]), &bytes[at..]), update(!0, &bytes));
        }
    }
}
