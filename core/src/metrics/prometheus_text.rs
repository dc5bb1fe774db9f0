//! Prometheus' own text format, from the OpenMetrics that the crate writes.

use std::collections::HashSet;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

/// Stands in no label's value: those have neither braces nor quotes of their own.
const EXEMPLAR: &str = " # {trace_id=\"";

/// In OpenMetrics a counter's family is named without the `_total` of its samples. In Prometheus' format they share one
/// name, or the samples have no type. Exemplars are OpenMetrics' alone.
pub(super) fn encode(registry: &Registry) -> String {
    let mut open = String::new();
    // Writing into a String cannot fail.
    let _ = encode_registry(&mut open, registry);
    let counters: HashSet<&str> =
        open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut text = String::with_capacity(open.len() + counters.len() * 12);
    for line in open.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(kind), Some(name), Some(rest)) if counters.contains(name) => {
                text += &format!("# {kind} {name}_total {rest}\n");
            }
            _ => {
                text += line.split_once(EXEMPLAR).map_or(line, |(sample, _)| sample);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use crate::governor::Governor;
    use crate::metrics::{Complexity, Metrics};

    fn filled() -> Metrics {
        let metrics = Metrics::new([Box::new(Governor::of_process()) as _]);
        metrics.delivered("csv", 3, 120);
        metrics.delivered("csv", 4, 160);
        metrics.dead_letters("postgres", 1);
        metrics.retried();
        metrics.estimated("rows", 1.2);
        metrics.job_ended("completed", Duration::from_secs(2), 7, 1_000, "0a1b2c3d");
        metrics.job_ended("failed", Duration::from_secs(1), 0, 2_000, "0a1b2c3e");
        metrics.began(Complexity { joins: 2, aggregations: 5, windows: 1 });
        metrics
    }

    #[test]
    fn every_sample_has_a_family_of_its_own_name_with_help_and_type() {
        let text = filled().text();
        for line in [
            "# TYPE datasus_sink_rows_total counter",
            r#"datasus_sink_rows_total{sink="csv"} 7"#,
            r#"datasus_sink_bytes_total{sink="csv"} 280"#,
            r#"datasus_dead_letters_total{sink="postgres"} 1"#,
            "datasus_retries_total 1",
            r#"datasus_jobs_total{status="failed"} 1"#,
            r#"datasus_jobs_total{status="cancelled"} 0"#,
            r#"datasus_query_complexity_sum{part="aggregations"} 5.0"#,
            r#"datasus_query_complexity_bucket{le="1.0",part="joins"} 0"#,
            r#"datasus_job_duration_seconds_count{status="completed"} 1"#,
            r#"datasus_estimate_ratio_bucket{le="1.33",figure="rows"} 1"#,
            "datasus_throughput_rows_per_second 3.5",
            "datasus_memory_peak_bytes 2000.0",
            r#"datasus_mode{mode="normal"}"#,
            r#"datasus_mode_changes_total{to="emergency"}"#,
            "datasus_memory_pressure_ratio 0.",
        ] {
            assert!(text.lines().any(|found| found.starts_with(line)), "no {line} in\n{text}");
        }
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().unwrap();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            for kind in ["HELP", "TYPE"] {
                assert_eq!(text.matches(&format!("# {kind} {family} ")).count(), 1, "{kind} of {sample}\n{text}");
            }
        }
    }

    #[test]
    fn a_bucket_of_durations_names_a_job_in_open_metrics_and_in_no_other_text() {
        let metrics = filled();
        let open = metrics.open_metrics();
        let buckets = open.lines().filter(|line| line.starts_with("datasus_job_duration_seconds_bucket"));
        let named: Vec<&str> = buckets.filter(|line| line.contains(r#" # {trace_id="0a1b2c3d"} 2.0 "#)).collect();
        assert!(matches!(named[..], [only] if only.contains(r#"le="3.0""#)), "{named:?} in\n{open}");
        assert!(open.ends_with("# EOF\n") && open.contains("# TYPE datasus_jobs counter\n"), "{open}");
        assert!(!metrics.text().contains("trace_id"), "{}", metrics.text());
    }

    #[test]
    fn promtool_finds_nothing_to_mend() {
        let run = Command::new(std::env::var_os("DATASUS_PROMTOOL").unwrap_or_else(|| "promtool".into()))
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = run else {
            crate::base::skip::for_want_of_a_tool(
                "no promtool, which setup/promtool.sh fetches: the text by Prometheus' own check",
            );
            return;
        };
        promtool.stdin.take().unwrap().write_all(filled().text().as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
