//! The plots of a summary, as SVG. What is where in them depends on who takes part and not on what was measured, so that two
//! runs can be compared at a glance and in a diff.

use crate::compile::CompileReport;
use crate::run::{GCC_O2, RunReport};
use crate::shapes;
use anyhow::Result;
use plotters::coord::Shift;
use plotters::coord::combinators::LogCoord;
use plotters::prelude::*;
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Axes<'b> = ChartContext<'b, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

const FONT: (&str, u32) = ("sans-serif", 15);
const TITLE: (&str, u32) = ("sans-serif", 20);

/// The colour of a compiler: Kiln's stand out, the others are in families.
fn colour(compiler: &str) -> RGBColor {
    match compiler {
        "Kiln optimized" => RGBColor(200, 40, 30),
        "Kiln baseline" => RGBColor(240, 150, 60),
        "Cranelift speed" => RGBColor(30, 90, 190),
        "Cranelift speed, loops as written" => RGBColor(90, 150, 220),
        "Cranelift none" => RGBColor(130, 190, 240),
        "Cranelift none, single-pass" => RGBColor(180, 215, 245),
        "gcc -O0" => RGBColor(190, 220, 180),
        "gcc -O1" => RGBColor(130, 190, 120),
        "gcc -O2" => RGBColor(50, 140, 60),
        "gcc -O3" => RGBColor(20, 90, 40),
        "clang -O2" => RGBColor(120, 70, 160),
        _ => RGBColor(130, 130, 130),
    }
}

/// Run time of every kernel by everyone, relative to gcc -O2.
///
/// # Errors
/// The file cannot be written.
pub fn run(report: &RunReport, to: &Path) -> Result<()> {
    let others: Vec<&str> =
        report.means.iter().map(|mean| mean.compiler).filter(|name| *name != GCC_O2).collect();
    let groups = report.kernels.len() + 1;
    let width = (groups * (others.len() * 4 + 10) + 310) as u32;
    let area = SVGBackend::new(to, (width, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let (low, high) = (0.25, 16.0);
    let (left, right) = area.split_horizontally(width as i32 - 250);
    let mut chart = ChartBuilder::on(&left)
        .caption("Run time of the kernels relative to gcc -O2 (less is better)", TITLE)
        .margin(10)
        .x_label_area_size(120)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..groups as f64, (low..high).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(7)
        .y_label_formatter(&|y| format!("{y}"))
        .y_desc("CPU time / gcc -O2")
        .label_style(FONT)
        .draw()?;
    let step = 1.0 / (others.len() as f64 + 2.0);
    for (n, name) in others.iter().enumerate() {
        let kernels = report.kernels.iter().map(|k| k.by(name).map(|t| t.over_gcc_o2.median));
        let mean = report.means.iter().find(|m| m.compiler == *name).map(|m| m.over_gcc_o2);
        let bars = kernels.chain([mean]).enumerate().filter_map(|(group, ratio)| {
            let left = group as f64 + (n as f64 + 1.0) * step;
            let ratio = ratio?.clamp(low, high);
            Some(Rectangle::new([(left, 1.0), (left + step * 0.9, ratio)], colour(name).filled()))
        });
        chart.draw_series(bars)?;
        let y = 60 + 22 * n as i32;
        right.draw(&Rectangle::new([(10, y), (22, y + 12)], colour(name).filled()))?;
        right.draw(&Text::new(*name, (30, y), FONT.into_font()))?;
    }
    chart.draw_series([PathElement::new(
        [(0.0, 1.0), (groups as f64, 1.0)],
        colour(GCC_O2).stroke_width(2),
    )])?;
    let names = report.kernels.iter().map(|k| k.kernel).chain(["geometric mean"]);
    let style = TextStyle::from(FONT.into_font()).transform(FontTransform::Rotate90);
    for (group, name) in names.enumerate() {
        let (x, y) = chart.backend_coord(&(group as f64 + 0.6, low));
        area.draw(&Text::new(name, (x, y + 8), style.clone()))?;
    }
    area.present()?;
    Ok(())
}

fn legend<'a, 'b, C: plotters::coord::CoordTranslate>(
    labels: &mut plotters::chart::SeriesLabelStyle<'a, 'b, SVGBackend<'a>, C>,
    position: SeriesLabelPosition,
) -> Result<()> {
    labels
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(FONT)
        .draw()?;
    Ok(())
}

/// Compile time per op over the size of the function.
///
/// # Errors
/// The file cannot be written.
pub fn compile(report: &CompileReport, to: &Path) -> Result<()> {
    let area = SVGBackend::new(to, (900, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let points = report.points.iter().filter(|p| p.shape == "ordinary");
    let points = points.flat_map(|p| p.timings.iter().map(|t| (t.compiler, p.ops, t.total.median)));
    let title = "Building and compiling one function, by its size";
    curves(&area, title, points.collect(), (80.0..1.3e6, 5.0..1e5), true)?;
    area.present()?;
    Ok(())
}

/// Compile time per op over the size for functions of unusual shape, a panel each.
///
/// # Errors
/// The file cannot be written.
pub fn shapes(points: &[shapes::Point], to: &Path) -> Result<()> {
    let area = SVGBackend::new(to, (1200, 860)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut names: Vec<&str> = Vec::new();
    for point in points {
        if !names.contains(&point.shape) {
            names.push(point.shape);
        }
    }
    for (n, (panel, name)) in area.split_evenly((2, 2)).iter().zip(&names).enumerate() {
        let points = points.iter().filter(|p| p.shape == *name);
        let points = points.map(|p| (p.compiler, p.ops, p.ns_per_op)).collect();
        curves(panel, name, points, (600.0..1.7e6, 10.0..1e6), n == 0)?;
    }
    area.present()?;
    Ok(())
}

fn curves<'b>(
    area: &Area<'b>,
    title: &str,
    points: Vec<(&'static str, usize, f64)>,
    (x, y): (std::ops::Range<f64>, std::ops::Range<f64>),
    with_legend: bool,
) -> Result<()> {
    let mut chart = axes(area, title, (x, y), ("ops", "CPU time per op, ns"))?;
    let mut names: Vec<&str> = Vec::new();
    for (name, ..) in &points {
        if !names.contains(name) {
            names.push(name);
        }
    }
    for name in names {
        let line: Vec<(f64, f64)> =
            points.iter().filter(|p| p.0 == name).map(|(_, ops, ns)| (*ops as f64, *ns)).collect();
        let style = colour(name).stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.iter().copied(), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
        chart.draw_series(line.iter().map(|at| Circle::new(*at, 3, colour(name).filled())))?;
    }
    if with_legend {
        legend(&mut chart.configure_series_labels(), SeriesLabelPosition::UpperLeft)?;
    }
    Ok(())
}

fn axes<'b>(
    area: &Area<'b>,
    title: &str,
    (x, y): (std::ops::Range<f64>, std::ops::Range<f64>),
    (below, beside): (&str, &str),
) -> Result<Axes<'b>> {
    let mut chart = ChartBuilder::on(area)
        .caption(title, TITLE)
        .margin(12)
        .x_label_area_size(45)
        .y_label_area_size(70)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .x_desc(below)
        .y_desc(beside)
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .label_style(FONT)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .draw()?;
    Ok(chart)
}

fn number(value: &f64) -> String {
    match *value {
        v if v >= 1e6 => format!("{}M", v / 1e6),
        v if v >= 1e3 => format!("{}k", v / 1e3),
        v => format!("{v}"),
    }
}

/// What one pays, compile time, against what one gets, run time: means over the kernels.
///
/// # Errors
/// The file cannot be written.
pub fn frontier(report: &RunReport, to: &Path) -> Result<()> {
    let area = SVGBackend::new(to, (900, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let title = "Compile time against run time, geometric means over the kernels";
    let ranges = (20.0..1e7, 0.7..4.0);
    let chart = axes(&area, title, ranges, ("CPU time to compile, ns per op", "run time / gcc -O2"));
    let mut chart = chart?;
    let mut places: Vec<(i32, i32)> = Vec::new();
    for mean in &report.means {
        let (at, name) = ((mean.compile, mean.over_gcc_o2), mean.compiler);
        chart.draw_series([Circle::new(at, 6, colour(name).filled())])?;
        let (x, mut y) = chart.backend_coord(&at);
        // A name that would stand on another one goes below it.
        while places.iter().any(|place| (place.0 - x).abs() < 130 && (place.1 - y).abs() < 14) {
            y += 3;
        }
        places.push((x, y));
        area.draw(&Text::new(name, (x + 10, y - 8), FONT.into_font()))?;
    }
    area.present()?;
    Ok(())
}
