//! Findings on ordinary data: leaks and shortcuts are named, and nothing is stated without evidence.

use crate::program::Bench;

/// A repeatable number in (-1, 1).
fn noise(row: usize, column: f64) -> f64 {
    ((row as f64 + 1.0) * (12.9898 + 4.137 * column)).sin() * 43_758.545_3 % 1.0
}

/// Eight measurements in two correlated families, of which each tells the class in part, and `last` as the last column.
fn clinic(n: usize, last: impl Fn(usize, bool) -> String) -> String {
    let mut text = String::from(
        "radius,perimeter,area,texture,smooth,compact,concave,symmetry,test_result,outcome\n",
    );
    for row in 0..n {
        let is_ill = noise(row, 9.0) > 0.0;
        let shift = if is_ill { 0.9 } else { 0.0 };
        let size = shift + noise(row, 1.0);
        let form = 0.6 * shift + noise(row, 2.0);
        let numbers = [
            size,
            size + 0.1 * noise(row, 3.0),
            size + 0.2 * noise(row, 4.0),
            0.4 * shift + noise(row, 5.0),
            0.3 * shift + noise(row, 6.0),
            form,
            form + 0.2 * noise(row, 7.0),
            noise(row, 8.0),
        ];
        let numbers: Vec<String> = numbers.iter().map(|x| format!("{x:.4}")).collect();
        let outcome = if is_ill { "ill" } else { "well" };
        text.push_str(&format!("{},{},{outcome}\n", numbers.join(","), last(row, is_ill)));
    }
    text
}

const QUICK: &str = "--labels outcome --quick --remedies none --out out";

#[test]
fn d01_d32_a_copy_of_the_label_is_named_first_everywhere() {
    let bench = Bench::new();
    bench
        .write("t.csv", &clinic(400, |_, is_ill| if is_ill { "pos".into() } else { "neg".into() }));
    for blocks in ["", "--blocks columns", "--blocks correlation:0.2"] {
        let said = bench.succeed(&format!("audit t.csv {QUICK} {blocks}")).stdout;
        let first = said.lines().find(|line| line.starts_with(" * ")).unwrap();
        assert!(first.contains("`test_result` alone predicts the target perfectly"), "{said}");
        let result = bench.json("out/result.json");
        assert_eq!(result["screen"]["alarms"][0]["name"], "test_result");
        assert_eq!(result["screen"]["alarms"][0]["kind"], "tells-all");
        for file in ["out/report.html", "out/csv/blocks.csv", "out/csv/screen.csv"] {
            assert!(bench.read(file).contains("test_result"), "{file}");
        }
        // Every block lists its members.
        let mut members: Vec<&str> = result["reliance"]["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|block| block["members"].as_array().unwrap())
            .map(|member| member.as_str().unwrap())
            .collect();
        members.sort_unstable();
        let all = [
            "area",
            "compact",
            "concave",
            "perimeter",
            "radius",
            "smooth",
            "symmetry",
            "test_result",
            "texture",
        ];
        assert_eq!(members, all, "{blocks}");
        std::fs::remove_dir_all(bench.path("out")).unwrap();
    }
}

#[test]
fn d03_a_block_that_predicts_alone_is_never_unused() {
    let bench = Bench::new();
    // Right in nineteen rows of twenty.
    let last = |row: usize, is_ill| u8::from(is_ill != row.is_multiple_of(20)).to_string();
    bench.write("t.csv", &clinic(500, last));
    bench.succeed(&format!("audit t.csv {QUICK} --blocks columns"));
    let result = bench.json("out/result.json");
    let chance = result["reliance"]["chance"].as_f64().unwrap();
    let blocks = result["reliance"]["blocks"].as_array().unwrap();
    for block in blocks {
        let alone = block["solo_auc"]["lo"].as_f64().unwrap();
        let verdict = block["verdict"].as_str().unwrap();
        // Far above chance: even over all blocks this is not chance.
        let predicts = alone > chance + 0.1;
        assert!(!predicts || verdict != "unused", "{block}");
    }
    let radius = &blocks[0];
    assert!(radius["solo_auc"]["lo"].as_f64().unwrap() > 0.7, "{radius}");
}

#[test]
fn d18_d22_small_samples_settle_little() {
    let bench = Bench::new();
    bench.write("t.csv", &clinic(90, |row, _| format!("{:.3}", noise(row, 10.0))));
    for seed in 0..3 {
        bench.succeed(&format!("audit t.csv {QUICK} --blocks columns --seed {seed}"));
        let result = bench.json("out/result.json");
        let blocks = result["reliance"]["blocks"].as_array().unwrap();
        for block in blocks {
            let Some(verdict) = block["verdict"].as_str() else { continue };
            let low = block["necessity"]["lo"].as_f64().unwrap();
            let is_needed = ["exclusive", "dominant", "shared"].contains(&verdict);
            assert!(!is_needed || low > 0.0, "{block}");
        }
        let leading =
            blocks.iter().filter(|block| block["verdict"].as_str() == Some("dominant")).count();
        assert!(leading <= 1);
        std::fs::remove_dir_all(bench.path("out")).unwrap();
    }
    // The verdict exists for scripts too.
    let help = bench.succeed("audit --help").stdout;
    assert!(help.contains("not-settled") && help.contains("backup"), "{help}");
}

#[test]
fn d19_a_block_at_chance_is_not_learned_soonest() {
    let bench = Bench::new();
    bench.write("t.csv", &clinic(300, |row, _| format!("{:.3}", noise(row, 10.0))));
    bench.succeed(&format!("audit t.csv {QUICK} --blocks columns"));
    let result = bench.json("out/result.json");
    for block in result["reliance"]["blocks"].as_array().unwrap() {
        let alone = &block["solo_training"]["auc"];
        if !block["solo_steps"].is_null() {
            assert!(alone["lo"].as_f64().unwrap() > 0.5, "{block}");
        }
    }
}

#[test]
fn d27_a_shortcut_that_beats_the_network_is_said() {
    let bench = Bench::new();
    // Images of noise, in which the second class has a frame of one pixel.
    for image in 0..240 {
        let class = image % 2;
        let pixels: Vec<String> = (0..144)
            .map(|pixel| {
                let (y, x) = (pixel / 12, pixel % 12);
                let is_frame = y == 0 || x == 0 || y == 11 || x == 11;
                let frame = if class == 1 && is_frame { 30.0 } else { 0.0 };
                let value: f64 = 100.0 + 90.0 * noise(image * 144 + pixel, 0.0) + frame;
                format!("{value:.0}")
            })
            .collect();
        let pgm = format!("P2\n12 12\n255\n{}\n", pixels.join(" "));
        bench.write(&format!("images/{}/{image}.pgm", ["plain", "framed"][class]), &pgm);
    }
    let words = "audit images --quick --remedies none --out out";
    let said = bench.succeed(words).stdout;
    let first = said.lines().find(|line| line.starts_with(" * ")).unwrap();
    assert!(first.contains("brightness of the border alone predicts"), "{said}");
    assert!(!bench.json("out/result.json")["whole_images"].is_null());
}

#[test]
fn the_terminal_shows_an_overview_whatever_the_number_of_blocks() {
    let bench = Bench::new();
    let mut text = String::from("y");
    (0..60).for_each(|column| text.push_str(&format!(",c{column}")));
    text.push('\n');
    for row in 0..200 {
        let class = row % 2;
        text.push_str(&class.to_string());
        for column in 0..60 {
            let value =
                noise(row, f64::from(column)) + if column < 9 { 0.5 * class as f64 } else { 0.0 };
            text.push_str(&format!(",{value:.3}"));
        }
        text.push('\n');
    }
    bench.write("t.csv", &text);
    let said = bench
        .succeed("audit t.csv --labels y --blocks columns --quick --remedies none --out out")
        .stdout;
    assert!(said.lines().count() <= 24, "{}\n{said}", said.lines().count());
    assert!(bench.read("out/csv/blocks.csv").lines().count() == 61);
}
