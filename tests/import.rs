//! Manifests in and out: what is read, what is refused and where, and that what comes out goes in again.

mod common;

use assert_cmd::Command;
use autosim::diagnostics::{Problems, Source};
use autosim::import::{Imported, scenario_of_k8s};
use autosim::manifest::{hpa_of_yaml, hpa_to_yaml};
use autosim::scalers::ScalerSpec;
use autosim::scalers::hpa::HpaSpec;
use autosim::scalers::hpa::spec::{
    Behavior, ContainerResourceMetric, CrossVersionObjectReference, ExternalMetric, LabelSelector,
    LabelSelectorRequirement, MetricIdentifier, MetricSpec, MetricTarget, ObjectMetric, PodsMetric, ResourceMetric,
    ScalingPolicy, ScalingRules,
};
use autosim::scenario::Scenario;
use autosim::units::Quantity;
use proptest::prelude::*;

/// A Deployment and its HPA in two documents, with anchors and a merge.
const CHAT: &str = r#"# two documents
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat
  labels: &labels
    app: chat
    tier: model
spec:
  replicas: 3
  selector:
    matchLabels: *labels
  minReadySeconds: 5
  template:
    metadata:
      labels:
        <<: *labels
        version: v1
    spec:
      affinity: {}
      terminationGracePeriodSeconds: 60
      containers:
        - name: proxy
          image: envoy:1
          resources: {requests: {cpu: 100m, memory: 64Mi}}
        - name: chat
          image: chat:1
          resources:
            requests: {cpu: 2, memory: 4Gi}
            limits: {cpu: "2", memory: 4Gi, nvidia.com/gpu: 1}
          readinessProbe:
            httpGet: {path: /ready, port: 8080}
            initialDelaySeconds: 20
            periodSeconds: 5
          lifecycle: {preStop: {exec: {command: [sh, -c, "sleep 15"]}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chat}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: chat}
  minReplicas: 2
  maxReplicas: 40
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 120
      tolerance: 50m
      policies: [{type: Percent, value: 50, periodSeconds: 60}]
---
apiVersion: v1
kind: Service
metadata: {name: chat}
spec: {selector: {app: chat}}
"#;

/// As `kubectl get deployment,hpa -o yaml` writes it.
const LIST: &str = r#"apiVersion: v1
kind: List
metadata:
  resourceVersion: ""
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: web.front
    namespace: shop
  spec:
    replicas: 4
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec:
        containers:
        - name: web
          resources: {limits: {cpu: 500m}}
  status: {replicas: 4}
- apiVersion: autoscaling/v2
  kind: HorizontalPodAutoscaler
  metadata: {name: web, namespace: shop}
  spec:
    maxReplicas: 9
    minReplicas: 1
    scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web.front}
    metrics:
    - resource: {name: cpu, target: {averageValue: 250m, type: AverageValue}}
      type: Resource
    - external: {metric: {name: queue_depth}, target: {averageValue: "30", type: AverageValue}}
      type: External
  status: {currentReplicas: 4, desiredReplicas: 4, conditions: null}
"#;

const JSON: &str = "{\n\t\"apiVersion\": \"v1\", \"kind\": \"List\",\n\t\"items\": [\n\t\t{\"apiVersion\": \"apps/v1\", \
    \"kind\": \"ReplicaSet\", \"metadata\": {\"name\": \"rs\"}, \"spec\": {\"replicas\": 2, \"template\": {\"spec\": \
    {\"containers\": [{\"name\": \"main\", \"resources\": {\"requests\": {\"cpu\": \"1\"}}}]}}}},\n\t\t{\"apiVersion\": \
    \"autoscaling/v2\", \"kind\": \"HorizontalPodAutoscaler\", \"metadata\": {\"name\": \"rs\"}, \"spec\": \
    {\"scaleTargetRef\": {\"apiVersion\": \"apps/v1\", \"kind\": \"ReplicaSet\", \"name\": \"rs\"}, \"maxReplicas\": \
    7}}\n\t]\n}\n";

const V1: &str = r#"apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: old}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: old}
  minReplicas: 2
  maxReplicas: 9
  targetCPUUtilizationPercentage: 60
"#;

const STATEFUL: &str = r#"apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  replicas: 3
  serviceName: store
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      initContainers:
        - {name: setup, image: setup}
        - name: mesh
          restartPolicy: Always
          resources: {requests: {cpu: 50m}, limits: {cpu: 200m}}
      containers:
        - name: store
          resources: {requests: {cpu: 1500m}}
          lifecycle: {preStop: {sleep: {seconds: 7}}}
"#;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.into(), ..Source::default() }
}

fn render(problems: &[Problems]) -> String {
    problems.iter().map(|each| each.render(false)).collect()
}

fn import(text: &str) -> Imported {
    scenario_of_k8s(&[source("a.yaml", text)]).unwrap_or_else(|problems| panic!("{}", render(&problems)))
}

fn scenario(text: &str) -> Scenario {
    common::load("imported.toml", text).scenario
}

fn hpa(scenario: &Scenario, pool: usize) -> &HpaSpec {
    match &scenario.pools[pool].scaler {
        ScalerSpec::Hpa(hpa) => &hpa.spec,
        other => panic!("no HPA but {other:?}"),
    }
}

/// Runs what was imported for five minutes.
fn run(test: &str, text: &str) {
    let folder = std::env::temp_dir().join(format!("sim-import-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    command.current_dir(&folder).args(["run", "-", "--set", "duration=5m", "--no-plots", "-q"]);
    command.write_stdin(text.to_owned()).assert().success();
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn a_deployment_and_its_hpa() {
    let imported = import(CHAT);
    assert_eq!(
        imported.read,
        [
            "Deployment/chat (replicas 3, requests cpu 2 memory 4Gi, readiness delay 20s, 1 more container)",
            "HorizontalPodAutoscaler/chat (cpu 70%, 2..40)",
        ]
    );
    let ignored = imported.ignored.join("\n");
    for part in [
        "Deployment/chat: spec.template.spec.affinity (a.yaml:20)",
        "containers[1].resources.limits.nvidia.com/gpu (a.yaml:30)",
        "spec.minReadySeconds",
        "Service/chat (a.yaml:54)",
    ] {
        assert!(ignored.contains(part), "{part} in\n{ignored}");
    }
    let scenario = scenario(&imported.text);
    let pool = &scenario.pools[0];
    assert_eq!((pool.name.as_str(), pool.replicas, pool.container.as_str()), ("chat", 3, "chat"));
    assert_eq!((pool.cpu.request_millis, pool.cpu.limit_millis), (Some(2_000), Some(2_000)));
    assert_eq!(pool.memory.request_bytes, Some(4 << 30));
    assert_eq!(pool.selector, "app=chat,tier=model");
    assert_eq!(pool.labels["version"], "v1");
    let probe = pool.start.readiness_probe.expect("it has one");
    assert_eq!((probe.initial_delay.as_secs_f64(), probe.period.as_secs_f64()), (20.0, 5.0));
    assert_eq!((pool.stop.grace_period.as_secs_f64(), pool.stop.pre_stop.as_secs_f64()), (60.0, 15.0));
    assert_eq!((pool.containers[0].name.as_str(), pool.containers[0].cpu_request_millis), ("proxy", Some(100)));
    assert_eq!(*hpa(&scenario, 0), hpa_of_yaml(CHAT).expect("one HPA"));
    run("chat", &imported.text);
}

#[test]
fn every_assumption_stands_at_the_head_with_its_line() {
    for text in [CHAT, LIST, V1, STATEFUL] {
        let imported = import(text);
        let lines: Vec<&str> = imported.text.lines().collect();
        assert!(!imported.assumed.is_empty());
        for assumed in &imported.assumed {
            assert!(lines.contains(&format!("# assumed: {assumed}").as_str()), "{assumed}");
            let Some((words, line)) = assumed.split_once(" — replace at line ") else { continue };
            let line = lines[line.parse::<usize>().expect("a number") - 1];
            let key = match words.split(' ').next() {
                Some("duration") => "duration",
                Some("load") => "rate.constant",
                Some("service") => "service",
                _ => continue,
            };
            assert!(line.starts_with(key), "{assumed}: {line}");
        }
    }
}

#[test]
fn a_list_as_kubectl_prints_it() {
    let imported = import(LIST);
    let scenario = scenario(&imported.text);
    let pool = &scenario.pools[0];
    assert_eq!((pool.name.as_str(), pool.replicas), ("web-front", 4));
    // A limit without a request is the request.
    assert_eq!((pool.cpu.request_millis, pool.cpu.limit_millis), (Some(500), Some(500)));
    let assumed = imported.assumed.join("\n");
    assert!(assumed.contains("Deployment/web.front is called web-front"), "{assumed}");
    assert!(assumed.contains("no signal provides the metric queue_depth"), "{assumed}");
    let wanted = hpa_of_yaml(LIST).expect("one HPA");
    let found = hpa(&scenario, 0);
    assert_eq!(found.scale_target_ref.name, "web-front");
    assert_eq!((&found.metrics, found.min_replicas), (&wanted.metrics, Some(1)));
    run("list", &imported.text);
}

#[test]
fn a_list_in_json() {
    let imported = import(JSON);
    let scenario = scenario(&imported.text);
    assert_eq!(scenario.pools[0].kind.as_str(), "ReplicaSet");
    assert_eq!(scenario.pools[0].container, "main");
    assert_eq!(hpa(&scenario, 0).max_replicas, 7);
    assert!(hpa(&scenario, 0).metrics.is_empty(), "cpu 80% by default, as in upstream");
    run("json", &imported.text);
}

#[test]
fn version_1_without_its_workload() {
    let imported = import(V1);
    assert!(imported.assumed[0].contains("duration"));
    let assumed = imported.assumed.join("\n");
    assert!(assumed.contains("Deployment/old of the HPA old came without its manifest"), "{assumed}");
    assert!(imported.text.contains("cpu = \"60%\""), "{}", imported.text);
    assert_eq!(*hpa(&scenario(&imported.text), 0), hpa_of_yaml(V1).expect("one HPA"));
    run("v1", &imported.text);
}

#[test]
fn a_stateful_set_with_a_sidecar() {
    let imported = import(STATEFUL);
    let scenario = scenario(&imported.text);
    let pool = &scenario.pools[0];
    assert_eq!(pool.kind.as_str(), "StatefulSet");
    assert_eq!(pool.containers.len(), 1, "an init container that ends is none");
    assert_eq!((pool.containers[0].name.as_str(), pool.containers[0].cpu_limit_millis), ("mesh", Some(200)));
    assert_eq!(pool.stop.pre_stop.as_secs_f64(), 7.0);
    assert_eq!(pool.start.readiness_probe, None);
    assert!(matches!(pool.scaler, ScalerSpec::Fixed));
    run("stateful", &imported.text);
}

#[test]
fn several_files_meet() {
    let (deployment, rest) = CHAT.split_once("---\n").expect("two documents");
    let sources = [source("deploy.yaml", deployment), source("hpa.yaml", rest)];
    let imported = scenario_of_k8s(&sources).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    assert_eq!(hpa(&scenario(&imported.text), 0).max_replicas, 40);
    assert!(imported.text.contains("sim import k8s deploy.yaml hpa.yaml"));
}

#[test]
fn what_is_wrong_is_refused_at_its_place() {
    let hpa = |from: &str, to: &str| CHAT.replacen(from, to, 1);
    let table: &[(String, usize, &str)] = &[
        (hpa("  replicas: 3", "\treplicas: 3"), 10, "a tab in the indentation"),
        (hpa("  maxReplicas: 40", "  maxReplicas: 40\n  maxReplicas: 41"), 44, "the key `maxReplicas` stands twice"),
        (hpa("maxReplicas", "maxReplicaz"), 43, "did you mean `maxReplicas`?"),
        (hpa("maxReplicas: 40", "maxReplicas: forty"), 43, "`maxReplicas` is text where a whole number is wanted"),
        (hpa("maxReplicas: 40", "maxReplicas: 1"), 43, "must be greater than or equal to `minReplicas`"),
        (hpa("averageUtilization: 70", "averageUtilization: 0"), 46, "must be greater than 0"),
        (hpa("averageUtilization", "averageUtilisation"), 46, "did you mean `averageUtilization`?"),
        (hpa("replicas: 3", "replicas: three"), 10, "`replicas` is `three` where a whole number"),
        (hpa("replicas: 3", "replicas: -3"), 10, "`replicas` is `-3` where a whole number"),
        (hpa("apiVersion: apps/v1\n", ""), 2, "an object without `apiVersion`"),
        (hpa("kind: Deployment\n", ""), 2, "an object without `kind`"),
        (hpa("kind: Horizontal", "kindd: Horizontal"), 37, "did you mean `kind`?"),
        (hpa("cpu: 2,", "cpu: 99999999999999999999999999999999999999999,"), 29, "a quantity out of range"),
        (hpa("cpu: 2,", "cpu: 9E,"), 29, "`cpu` of `9E` is out of range"),
        (hpa("cpu: 2,", "cpu: 3,"), 29, "the cpu request of 3 is larger than the limit of 2"),
        (hpa("cpu: 2,", "cpu: 2 cores,"), 29, "not a quantity"),
        (hpa("cpu: 2,", "cpu: [2],"), 29, "`cpu` is a list where a quantity"),
        (hpa("sleep 15", "\u{0}\u{1}\u{2}"), 35, "the character U+0000"),
        (hpa("matchLabels: *labels", "matchLabels: {app: other}"), 12, "the pod template has no such label"),
        (hpa("matchLabels: *labels", "matchLabels: *label"), 12, "neither YAML nor JSON"),
        (format!("{CHAT}---\n{}", &CHAT[CHAT.find("apiVersion: auto").expect("an HPA")..]), 60, "stands there twice"),
        (
            "kind: Service\napiVersion: v1\n".into(),
            0,
            "no Deployment, StatefulSet, ReplicaSet or HorizontalPodAutoscaler",
        ),
        (String::new(), 0, "no Deployment, StatefulSet"),
        ("just words\n".into(), 1, "text where a Kubernetes object is wanted"),
    ];
    for (text, line, words) in table {
        let problems = scenario_of_k8s(&[source("a.yaml", text)]).expect_err(words);
        let drawn = render(&problems);
        let message = drawn.lines().next().unwrap_or("");
        assert!(drawn.contains(words), "wanted: {words}\n{drawn}");
        assert!(*line == 0 || drawn.contains(&format!("--> a.yaml:{line}:")), "{message}: line {line} wanted\n{drawn}");
    }
}

#[test]
fn the_command_speaks_on_the_right_streams() {
    let sim = || Command::cargo_bin("sim").expect("the binary is built");
    let done = sim().args(["import", "k8s", "-"]).write_stdin(CHAT).assert().success();
    let (out, err) = (&done.get_output().stdout, String::from_utf8_lossy(&done.get_output().stderr));
    let starts: Vec<&str> = err.lines().map(|line| line.split_whitespace().next().unwrap_or("")).collect();
    assert_eq!(starts, ["read", "assumed", "ignored"]);
    let text = String::from_utf8_lossy(out);
    assert!(text.starts_with("#:schema "), "{text}");
    let yaml = sim().args(["export", "k8s", "-"]).write_stdin(text.as_ref()).assert().success();
    let yaml = String::from_utf8_lossy(&yaml.get_output().stdout).into_owned();
    assert_eq!(hpa_of_yaml(&yaml), hpa_of_yaml(CHAT));
    let python = sim().args(["export", "pulumi", "-", "--pool", "chat"]).write_stdin(text.as_ref()).assert().success();
    assert!(String::from_utf8_lossy(&python.get_output().stdout).contains("max_replicas=40,"));
    let set = ["export", "k8s", "-", "--set", "pool.chat.scaler.hpa.max_replicas=50"];
    let yaml = sim().args(set).write_stdin(text.as_ref()).assert().success();
    assert!(String::from_utf8_lossy(&yaml.get_output().stdout).contains("maxReplicas: 50"));
    sim().args(["export", "k8s", "-", "--pool", "chatt"]).write_stdin(text.as_ref()).assert().code(2);
    sim().args(["import", "k8s", "-"]).write_stdin("a: [").assert().code(2);
    sim().args(["import", "k8s", "/nowhere.yaml"]).assert().code(2);
}

fn quantity() -> impl Strategy<Value = Quantity> {
    let suffix = prop::sample::select(vec!["", "m", "k", "Ki", "Mi", "u", "e3", "G"]);
    (1_i64..2_000_000, suffix).prop_map(|(number, suffix)| {
        Quantity::parse(&format!("{number}{suffix}")).expect("a number and a suffix are a quantity")
    })
}

fn share_of_one() -> impl Strategy<Value = Quantity> {
    (0_i64..2_000_000_000).prop_map(|nanos| Quantity::from_nanos(nanos.into()))
}

fn reference(text: &'static str) -> impl Strategy<Value = CrossVersionObjectReference> {
    (prop::sample::select(vec!["apps/v1", "batch/v1"]), text, text).prop_map(|(api_version, kind, name)| {
        CrossVersionObjectReference { api_version: api_version.into(), kind, name }
    })
}

fn identifier(text: &'static str) -> impl Strategy<Value = MetricIdentifier> {
    let operator = prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    let expression = (text, operator, prop::collection::vec(text, 0..3))
        .prop_map(|(key, operator, values)| LabelSelectorRequirement { key, operator: operator.into(), values });
    let labels = prop::collection::btree_map(text, text, 0..3);
    let selector = (labels, prop::collection::vec(expression, 0..2))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions });
    (text, prop::option::of(selector)).prop_map(|(name, selector)| MetricIdentifier { name, selector })
}

/// A target that the API server takes for every source but Object and External with Utilization.
fn target(utilization: bool) -> impl Strategy<Value = MetricTarget> {
    (1..1_000_i32, quantity(), any::<bool>()).prop_map(move |(percent, quantity, share)| {
        if utilization && share {
            let average_utilization = Some(percent);
            return MetricTarget { kind: "Utilization".into(), average_utilization, ..MetricTarget::default() };
        }
        MetricTarget { kind: "AverageValue".into(), average_value: Some(quantity), ..MetricTarget::default() }
    })
}

fn metric(text: &'static str) -> impl Strategy<Value = MetricSpec> {
    let resource = prop::sample::select(vec!["cpu", "memory"]);
    let sources = (resource, "[a-z][a-z0-9]{0,8}", identifier(text), reference(text), target(true), target(false));
    (0..5_u8, sources).prop_map(|(kind, (name, container, metric, described_object, of_request, target))| {
        let mut spec = MetricSpec::default();
        let name = name.to_owned();
        spec.kind = ["Resource", "ContainerResource", "Pods", "Object", "External"][kind as usize].to_owned();
        match kind {
            0 => spec.resource = Some(ResourceMetric { name, target: of_request }),
            1 => spec.container_resource = Some(ContainerResourceMetric { name, container, target: of_request }),
            2 => spec.pods = Some(PodsMetric { metric, target }),
            3 => spec.object = Some(ObjectMetric { described_object, metric, target }),
            _ => spec.external = Some(ExternalMetric { metric, target }),
        }
        spec
    })
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let policy = (prop::sample::select(vec!["Pods", "Percent"]), 1..500_i32, 1..1_800_i32)
        .prop_map(|(kind, value, period_seconds)| ScalingPolicy { kind: kind.into(), value, period_seconds });
    let select = prop::sample::select(vec!["Max", "Min", "Disabled"]).prop_map(str::to_owned);
    let policies = prop::option::of(prop::collection::vec(policy, 1..3));
    (prop::option::of(0..3_600_i32), prop::option::of(select), policies, prop::option::of(share_of_one())).prop_map(
        |(stabilization_window_seconds, select_policy, policies, tolerance)| ScalingRules {
            stabilization_window_seconds,
            select_policy,
            policies,
            tolerance,
        },
    )
}

/// A spec that the API server takes, for the Deployment `web`, if its texts are names.
fn spec(text: &'static str) -> impl Strategy<Value = HpaSpec> {
    let behavior = (prop::option::of(rules()), prop::option::of(rules()))
        .prop_map(|(scale_up, scale_down)| Behavior { scale_up, scale_down });
    let metrics = prop::collection::vec(metric(text), 0..4);
    (prop::option::of(1..5_i32), 5..1_000_i32, metrics, prop::option::of(behavior)).prop_map(
        |(min_replicas, max_replicas, metrics, behavior)| HpaSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                name: "web".into(),
            },
            min_replicas,
            max_replicas,
            metrics,
            behavior,
        },
    )
}

/// Puts, drops or swaps pieces of a manifest, at places that need not be sensible.
fn mutated() -> impl Strategy<Value = String> {
    let base = prop::sample::select(vec![CHAT, LIST, JSON, V1, STATEFUL]);
    let pieces = vec![
        "\t",
        "\n",
        ":",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!x ",
        "|",
        ">",
        "'",
        "\"",
        "%",
        "#",
        "---\n",
        "...",
        "null",
        "~",
        "-1",
        "1e400",
        ".nan",
        "0x",
        "99999999999999999999",
        "é",
        "\u{feff}",
        "\u{0}",
        "? ",
    ];
    let change = (any::<prop::sample::Index>(), 0..30_usize, prop::sample::select(pieces));
    (base, prop::collection::vec(change, 1..5)).prop_map(|(base, changes)| {
        let mut chars: Vec<char> = base.chars().collect();
        for (place, drop, piece) in changes {
            let at = place.index(chars.len() + 1);
            let end = (at + drop.saturating_sub(10)).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml_that_is_written_reads_back(spec in spec("\\PC{0,12}|[\\x00-\\x20\"'\\\\:#{}<~&*!-]{0,6}|yes|null|1e3|0x1f|<<")) {
        let yaml = hpa_to_yaml("web", &spec);
        prop_assert_eq!(hpa_of_yaml(&yaml), Ok(spec), "{}", yaml);
    }

    #[test]
    fn a_scenario_has_the_hpa_that_was_imported(spec in spec("[a-z][a-z0-9_]{0,8}")) {
        let imported = scenario_of_k8s(&[source("hpa.yaml", &hpa_to_yaml("web", &spec))]);
        let imported = imported.map_err(|problems| TestCaseError::fail(render(&problems)))?;
        let scenario = scenario(&imported.text);
        prop_assert_eq!(hpa(&scenario, 0), &spec, "{}", imported.text);
    }

    #[test]
    fn mutated_manifests_are_read_or_refused(text in mutated()) {
        match scenario_of_k8s(&[source("a.yaml", &text)]) {
            Ok(_) => {}
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                let drawn = render(&problems);
                prop_assert!(!drawn.contains("the imported scenario"), "{}\n{}", text, drawn);
            }
        }
        let _ = hpa_of_yaml(&text);
    }
}
