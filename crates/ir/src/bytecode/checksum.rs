//! CRC-32 (IEEE 802.3, reflected, as in zip and PNG): finds damage, not intent.

use super::CHECKSUM;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

fn update(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

/// The checksum of a file: of all its bytes but the four that hold it.
pub(super) fn of_file(bytes: &[u8]) -> u32 {
    !update(update(!0, &bytes[..CHECKSUM.start]), &bytes[CHECKSUM.end..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn equals_the_published_check_value() {
        assert_eq!(!super::update(!0, b"123456789"), 0xcbf4_3926);
    }
}
