//! `sim replay`, as its users meet it.

#[path = "common/mod.rs"]
mod common;

use assert_cmd::Command;
use std::process::Output;

const CASE: &str = r#"{"name":"mine/up","source":"hand","scaler":"hpa","config":{"syncPeriodSeconds":15,"tolerance":0.1,"cpuInitializationPeriodSeconds":300,"initialReadinessDelaySeconds":30,"downscaleStabilizationSeconds":300},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"minReplicas":1,"maxReplicas":10,"metrics":[{"type":"External","external":{"metric":{"name":"lag"},"target":{"type":"Value","value":"10"}}}]},"podTemplates":{"t":{"containers":[{"name":"c","requests":{"cpu":"1"}}]}},"steps":[{"at":0,"observe":{"specReplicas":2,"statusReplicas":2,"pods":[["p0","Running",-1000,"True",-900,0,"t"],["p1","Running",-1000,"True",-900,0,"t"]],"metrics":{"external":{"lag":{"values":["25"]}}}},"expect":{"desiredReplicas":WANTED,"scaled":true,"specReplicas":WANTED,"conditions":{"AbleToScale":["True","SucceededRescale"],"ScalingActive":["True","ValidMetricFound"],"ScalingLimited":["True","ScaleUpLimit"]},"currentMetrics":[{"value":"25"}],"targets":"25/10","events":[["SuccessfulRescale","New size: 4; reason: external metric lag(nil) above target"]]}}]}"#;

const HPA: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: backend }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: backend }
  minReplicas: 2
  maxReplicas: 10
  metrics:
  - type: Resource
    resource: { name: cpu, target: { type: Utilization, averageUtilization: 60 } }
  behavior:
    scaleDown: { stabilizationWindowSeconds: 300 }
    scaleUp: { stabilizationWindowSeconds: 0 }
";

fn sim(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    command.args(arguments).write_stdin(stdin).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn file(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("sim-replay-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("a temporary file");
    path.to_string_lossy().into_owned()
}

#[test]
fn a_case_that_is_equal_passes_and_one_that_differs_fails() {
    // ceil(25 / 10 × 2 ready pods) = 5, limited to max(2 × 2, 4) = 4.
    let equal = sim(&["replay", "-"], &CASE.replace("WANTED", "4"));
    assert_eq!(equal.status.code(), Some(0), "{}", said(&equal));
    assert!(said(&equal).ends_with("1 passed, 0 failed\n"), "{}", said(&equal));
    let differs = sim(&["replay", "-"], &CASE.replace("WANTED", "5"));
    assert_eq!(differs.status.code(), Some(1), "{}", said(&differs));
    let words = said(&differs);
    assert!(words.contains("mine/up, step 0 at 0 s, desiredReplicas: wanted 5, got 4"), "{words}");
    assert!(words.ends_with("0 passed, 1 failed\n"), "{words}");
}

#[test]
fn without_expectations_decisions_are_printed() {
    let (case, _) = CASE.split_once(r#","expect""#).expect("the case has an expectation");
    let case = format!("{case}}}]}}");
    let output = sim(&["replay", "-"], &case);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let decision: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!((&decision["desiredReplicas"], &decision["scaled"]), (&4.into(), &true.into()));
}

#[test]
fn wrong_cases_are_named_by_file_and_line() {
    let good = CASE.replace("WANTED", "4");
    for (text, words) in [
        (format!("{good}\n{{"), ":2: not JSON"),
        (good.replace("\"hpa\"", "\"vpa\""), ":1: scaler: unknown scaler"),
        (good.replace("\"steps\"", "\"stepz\""), ":1: steps: missing"),
        (String::new(), "holds no case"),
    ] {
        let path = file("wrong.jsonl", &text);
        let output = sim(&["replay", &path], "");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
        let _ = std::fs::remove_file(path);
    }
    assert_eq!(sim(&["replay"], "").status.code(), Some(2));
    assert_eq!(sim(&["replay", "no-such-folder"], "").status.code(), Some(2));
}

#[test]
fn recorded_metrics_of_a_real_run_give_its_decisions() {
    let Some(shared) = common::shared("replay of recorded metrics") else { return };
    let recording = common::read(&shared, "data/recordings/hpa_cpu_rest_ramp/run.csv");
    let mut metrics = "time_s,metric,utilization\n".to_owned();
    let mut last = "";
    for line in recording.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        // One observation per change of what the controller saw.
        if !fields[2].is_empty() && fields[2] != last {
            metrics.push_str(&format!("{},cpu,{}\n", fields[0], fields[2]));
            last = fields[2];
        }
    }
    let (hpa, metrics) = (file("hpa.yaml", HPA), file("metrics.csv", &metrics));
    let output = sim(&["replay", "--hpa", &hpa, "--metrics", &metrics], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.ends_with("decisions: 2, 6, 10\n"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("assumed 2 replicas at the beginning"));
    for path in [hpa, metrics] {
        let _ = std::fs::remove_file(path);
    }
}

#[test]
fn every_recorded_case_of_the_hpa_passes() {
    let Some(shared) = common::shared("replay of the HPA") else { return };
    let output = sim(&["replay", "--level", "C", &shared.join("conformance/hpa").to_string_lossy()], "");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("977 passed, 0 failed\n"), "{text}");
}
