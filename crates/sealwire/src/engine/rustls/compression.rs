//! The algorithms of certificate compression (RFC 8879).

use rustls::CertificateCompressionAlgorithm;
use rustls::compress::{
    BROTLI_COMPRESSOR, BROTLI_DECOMPRESSOR, CertCompressor, CertDecompressor, CompressionFailed,
    CompressionLevel, DecompressionFailed, ZLIB_COMPRESSOR, ZLIB_DECOMPRESSOR,
};
use ruzstd::decoding::FrameDecoder;
use ruzstd::encoding;

use crate::words::CertCompression;

pub(super) fn compressor(algorithm: CertCompression) -> &'static dyn CertCompressor {
    match algorithm {
        CertCompression::Zlib => ZLIB_COMPRESSOR,
        CertCompression::Brotli => BROTLI_COMPRESSOR,
        CertCompression::Zstd => &Zstd,
    }
}

pub(super) fn decompressor(algorithm: CertCompression) -> &'static dyn CertDecompressor {
    match algorithm {
        CertCompression::Zlib => ZLIB_DECOMPRESSOR,
        CertCompression::Brotli => BROTLI_DECOMPRESSOR,
        CertCompression::Zstd => &Zstd,
    }
}

/// Zstandard, which rustls has not by itself.
#[derive(Debug)]
struct Zstd;

/// No chain of certificates is longer than this, and a decoder allocates what a frame asks for.
const MAX_WINDOW: u64 = 1 << 20;

impl CertCompressor for Zstd {
    fn compress(
        &self,
        input: Vec<u8>,
        _level: CompressionLevel,
    ) -> Result<Vec<u8>, CompressionFailed> {
        Ok(encoding::compress_to_vec(input.as_slice(), encoding::CompressionLevel::Fastest))
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zstd
    }
}

impl CertDecompressor for Zstd {
    fn decompress(&self, input: &[u8], output: &mut [u8]) -> Result<(), DecompressionFailed> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        // It is an error of the decoder's when the output is too short.
        match decoder.decode_all(input, output) {
            Ok(written) if written == output.len() => Ok(()),
            _ => Err(DecompressionFailed),
        }
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zstd
    }
}

#[cfg(test)]
mod tests {
    use rustls::compress::CompressionLevel;

    use super::{CertCompression, compressor, decompressor};

    /// Something like certificates: part noise, part repetition.
    fn sample() -> Vec<u8> {
        let noise = (0u32..400).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]);
        noise.chain(b"CN=Example Root, O=Example, C=XX;".repeat(20)).collect()
    }

    #[test]
    fn what_is_compressed_comes_back() {
        for algorithm in CertCompression::supported() {
            for level in [CompressionLevel::Interactive, CompressionLevel::Amortized] {
                let (packer, unpacker) = (compressor(algorithm), decompressor(algorithm));
                assert_eq!(packer.algorithm(), unpacker.algorithm());
                let packed = packer.compress(sample(), level).expect("it packs");
                assert!(packed.len() < sample().len(), "{algorithm}: {} bytes", packed.len());
                let mut unpacked = vec![0; sample().len()];
                unpacker.decompress(&packed, &mut unpacked).expect("it unpacks");
                assert_eq!(unpacked, sample(), "{algorithm}");
            }
        }
    }

    #[test]
    fn lies_about_the_length_and_damage_are_refused() {
        for algorithm in CertCompression::supported() {
            let packed = compressor(algorithm);
            let packed = packed.compress(sample(), CompressionLevel::Interactive).expect("packs");
            let unpack = |bytes: &[u8], length| {
                decompressor(algorithm).decompress(bytes, &mut vec![0; length])
            };
            for length in [0, 1, sample().len() - 1, sample().len() + 1, 16 * sample().len()] {
                assert!(unpack(&packed, length).is_err(), "{algorithm} to {length} bytes");
            }
            for end in 0..packed.len() {
                let cut = unpack(&packed[..end], sample().len());
                assert!(cut.is_err(), "{algorithm}: {end} of {} bytes", packed.len());
            }
            // Damage may go unnoticed in the content; it never panics.
            for at in 0..packed.len() {
                let mut damaged = packed.clone();
                damaged[at] ^= 0x55;
                let _ = unpack(&damaged, sample().len());
            }
        }
    }

    /// A frame that asks for a window of gigabytes (RFC 8878, 3.1.1.1.2) is not given it.
    #[test]
    fn a_frame_cannot_ask_for_all_memory() {
        let huge = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00];
        let zstd = decompressor(CertCompression::Zstd);
        assert!(zstd.decompress(&huge, &mut [0; 64]).is_err());
    }
}
