//! What several targets hold to.

use std::fs;

use bptt::Scalar;
use bptt::weights::Archive;

/// Reads a weight file. If it is accepted, writes it and reads it again: nothing may have changed.
pub fn read<T: Scalar>(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weights.safetensors");
    fs::write(&path, bytes).expect("a file");
    let Ok(archive) = Archive::<T>::load(&path) else { return };
    archive.save(&path).expect("an archive that was read can be written");
    let again = Archive::<T>::load(&path).expect("a file that was written can be read");

    assert!(archive.names().eq(again.names()));
    for name in archive.names() {
        let [one, other] =
            [&archive, &again].map(|archive| archive.tensor(name).expect("it is there"));
        assert_eq!(one.shape(), other.shape());
        let same = |(a, b): (&T, &T)| a == b || a.is_nan() && b.is_nan();
        assert!(one.as_slice().iter().zip(other.as_slice()).all(same), "{name}");
    }
    assert!(archive.text_names().eq(again.text_names()));
    for name in archive.text_names() {
        assert_eq!(archive.text(name).ok(), again.text(name).ok());
    }
}
