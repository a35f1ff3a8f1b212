//! Files that pictures become.

use std::fs;

use bptt_analysis::plot::{HeatMap, Lines, Picture, PictureError};
use bptt_tensor::Tensor;

use crate::support::{Svg, number};

fn picture() -> Picture {
    Lines::new("∂L/∂W ‖·‖₂ <&>", "lag", "norm").line("line", [(0.0, 0.0), (1.0, 1.0)]).picture()
}

/// Returns the size and the pixels of a PNG.
fn decoded(file: &[u8]) -> ((u32, u32), Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("an image");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    ((info.width, info.height), pixels)
}

#[test]
fn the_ending_of_a_path_gives_the_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for name in ["a.svg", "a.SVG"] {
        picture().save(path(name)).expect("saved");
        assert_eq!(fs::read_to_string(path(name)).expect("a file"), picture().svg());
    }
    picture().save(path("a.png")).expect("saved");
    let file = fs::read(path("a.png")).expect("a file");
    assert_eq!(decoded(&file).0, (600, 360));
    picture().save(path("new/folder/a.svg")).expect("saved into a new folder");
    fs::remove_dir_all(path("new")).expect("it is there");
    let names = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, 3, "no other files are left");
}

#[test]
fn other_endings_are_refused_with_a_remedy() {
    for path in ["picture.jpg", "picture", "folder.svg/picture", ""] {
        let error = picture().save(path).expect_err(path);
        assert!(
            matches!(&error, PictureError::Format { path: named } if named.as_os_str() == path)
        );
        let expected = format!(
            "`{path}` does not say in which format to save; end the path in `.svg` or `.png`"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let within = file.join("a.svg");
    let error = picture().save(&within).expect_err("a file is no folder");
    let PictureError::Write { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, &within);
    let remedy = "check that its folder has space and may be written to";
    assert!(error.to_string().ends_with(remedy), "{error}");
    // a picture cannot replace a folder, and nothing stays beside it
    let taken = folder.path().join("a.png");
    fs::create_dir(&taken).expect("a folder");
    picture().save(&taken).expect_err("a folder is in its place");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn many_threads_may_save_to_one_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.svg");
    let save = || (0..20).for_each(|_| picture().save(&path).expect("saved"));
    std::thread::scope(|scope| {
        (0..4).for_each(|_| {
            scope.spawn(save);
        });
    });
    assert_eq!(fs::read_to_string(&path).expect("a file"), picture().svg());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn characters_that_no_svg_may_have_become_spaces() {
    let svg = Svg::of(&Lines::new("a\nb\0c\u{1b}d\u{ffff}e", "", "").picture());
    svg.says(&["a b c d e"]);
}

#[test]
fn a_large_png_is_the_same_as_its_bands() {
    // so wide that its rows come from several bands
    let values = Tensor::from_vec([1, 2], vec![0.0, 1.0]);
    let picture = HeatMap::over_time("", &values).picture().sized(2000, 400);
    let (_, pixels) = decoded(&picture.png());
    let column: Vec<_> = pixels.chunks(3 * 2000).map(|row| &row[3 * 1000..][..3]).collect();
    let dark = column.iter().position(|it| **it == [0x44, 0x01, 0x54]).expect("a dark cell");
    let light = column.iter().position(|it| **it == [0xfd, 0xe7, 0x25]).expect("a light cell");
    let middle = column[dark..].iter().take_while(|it| **it == [0x44, 0x01, 0x54]).count();
    assert!(light - dark > 139 && middle + 1 >= light - dark, "{dark} {middle} {light}");
}

#[test]
fn an_svg_has_its_size_in_pixels_and_escapes_texts() {
    let svg = picture().sized(720, 300).svg();
    assert!(
        svg.starts_with("<svg width=\"720\" height=\"300\" viewBox=\"0 0 2880 1200\""),
        "{svg}"
    );
    Svg::of(&picture()).says(&["∂L/∂W ‖·‖₂ &lt;&amp;&gt;"]);
}

#[test]
fn a_png_shows_what_the_svg_says() {
    let values = Tensor::from_vec([2, 1], vec![0.0, 1.0]);
    let picture = HeatMap::over_time("two cells", &values).picture();
    let ((width, height), pixels) = decoded(&picture.png());
    assert_eq!((width, height), picture.size());
    let svg = picture.svg();
    for (color, rgb) in [("440154", [0x44, 0x01, 0x54]), ("FDE725", [0xfd, 0xe7, 0x25])] {
        let cell =
            svg.lines().rfind(|line| line.contains(&format!("fill=\"#{color}\""))).expect(color);
        let middle =
            |start: &str, length: &str| (number(cell, start) + number(cell, length) / 2.0) / 4.0;
        let (x, y) = (middle("x", "width") as usize, middle("y", "height") as usize);
        let at = 3 * (y * width as usize + x);
        assert_eq!(pixels[at..at + 3], rgb, "{cell}");
    }
    // the title is drawn in black, without a font of the system
    let top = &pixels[..3 * width as usize * 28];
    assert!(top.iter().filter(|&&it| it < 64).count() > 100);
}

#[test]
fn edges_are_smooth() {
    let (_, pixels) = decoded(&picture().png());
    let blue = pixels.chunks(3).filter(|it| it[2] > it[0]).map(|it| it[0]);
    let shades: std::collections::HashSet<_> = blue.collect();
    assert!(shades.len() > 8, "{shades:?}");
}

#[test]
fn pictures_are_stacked() {
    let below = HeatMap::over_time("below", &Tensor::<f32>::ones([3, 2])).picture();
    let stacked = Picture::stacked([picture(), below.clone()]);
    assert_eq!(stacked.size(), (600, 360 + below.size().1));
    let svg = Svg::of(&stacked);
    svg.says(&["line", "below"]);
    let y = |picture: &Picture| {
        let svg = picture.svg();
        let cell = svg.lines().rfind(|line| line.starts_with("<rect ")).expect("a cell");
        number(cell, "y")
    };
    assert_eq!(y(&stacked), y(&below) + 4.0 * 360.0);
    assert_eq!(decoded(&stacked.png()).0, stacked.size());
    assert_eq!(decoded(&Picture::stacked([]).png()).0, (100, 100));
}

#[test]
fn a_title_is_fitted_to_the_width() {
    let long = "a title that is far too long for the width of a picture ".repeat(4);
    let svg = Svg::of(&Lines::new(&long, &long, &long).picture());
    let cut = svg.texts().iter().filter(|text| text.ends_with('…')).count();
    assert_eq!(cut, 3);
    // one that is a little too long becomes smaller, and stays whole
    let little = "w".repeat(50);
    let svg = Lines::new(&little, "", "").picture().svg();
    Svg::of(&Lines::new(&little, "", "").picture()).says(&[&little]);
    let title = svg.lines().find(|line| line.starts_with("<text ")).expect("a title");
    assert!((40.0..60.0).contains(&number(title, "font-size")), "{title}");
}

#[test]
fn a_title_of_any_length_is_fitted() {
    let endless = "x".repeat(1_000_000);
    let svg = Svg::of(&Lines::new(&endless, "", "").picture());
    let title = svg.texts()[0];
    assert!(title.starts_with("xx") && title.ends_with('…') && title.chars().count() < 120);
}

#[test]
fn characters_without_a_glyph_are_as_wide_as_an_em() {
    // 50 ideographs of 15 pixels do not fit into 584 pixels
    let svg = Lines::new(&"語".repeat(50), "", "").picture().svg();
    let title = svg.lines().find(|line| line.starts_with("<text ")).expect("a title");
    assert!(number(title, "font-size") < 50.0, "{title}");
}

#[test]
#[should_panic(expected = "picture: 50 × 300 pixels; give each from 100 to 10000")]
fn a_size_at_which_nothing_is_legible_is_refused() {
    let _ = picture().sized(50, 300);
}
