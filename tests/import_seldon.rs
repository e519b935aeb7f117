//! Manifests of Seldon Core 2 in: what is read, what is assumed, what is refused and where, and that the result runs.

mod common;

use assert_cmd::Command;
use autosim::diagnostics::{Problems, Source};
use autosim::import::{Imported, scenario_of_seldon};
use autosim::scalers::ScalerSpec;
use autosim::scalers::hpa::HpaSpec;
use autosim::scenario::{LoadTarget, Scenario, SeldonSpec};
use autosim::seldon::spec::{CoreVersion, UNLIMITED};
use autosim::units::{Id, ModelId};
use proptest::prelude::*;

/// Approach A: models by inference lag, servers by their models.
const BY_LAG: &str = r#"apiVersion: mlops.seldon.io/v1alpha1
kind: Server
metadata:
  name: mlserver
  namespace: ml
spec:
  serverConfig: mlserver
  replicas: 1
  minReplicas: 1
  maxReplicas: 5
  extraCapabilities:
    - fraud-libs
  podSpec:
    terminationGracePeriodSeconds: 180
    containers:
      - name: mlserver
        resources:
          requests: {cpu: 2, memory: 8Gi}
          limits: {cpu: 2, memory: 8Gi}
        readinessProbe: {httpGet: {path: /v2/health/ready, port: 9000}, initialDelaySeconds: 10}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata:
  name: fraud
  namespace: ml
spec:
  storageUri: s3://artifacts/fraud
  requirements: [sklearn, fraud-libs]
  memory: 600Mi
  replicas: 1
  minReplicas: 1
  maxReplicas: 5
  logger: {percent: 10}
"#;

/// What switches scaling by lag on, in the release that last did it.
const LAG_VALUES: &str = r#"autoscaling:
  autoscalingModelEnabled: true
agent:
  scalingStatsPeriodSeconds: 10
  modelInferenceLagThreshold: "12"
  logLevel: debug
kafka:
  bootstrap: kafka:9092
  topics: {numPartitions: 4, replicationFactor: 3}
modelgateway: {replicas: 2, image: {tag: 2.9.1}}
scheduler:
  image: {tag: 2.9.1}
serverConfig:
  terminationGracePeriodSeconds: 60
"#;

/// Approach B: an HPA on the model, the server by its models.
const BY_HPA: &str = r#"apiVersion: v1
kind: List
items:
- apiVersion: mlops.seldon.io/v1alpha1
  kind: Server
  metadata: {name: mlserver}
  spec: {serverConfig: mlserver, replicas: 1, minReplicas: 1, maxReplicas: 4}
- apiVersion: mlops.seldon.io/v1alpha1
  kind: Model
  metadata: {name: ranker}
  spec: {storageUri: "gs://bucket/ranker", requirements: [xgboost], memory: 200Mi, replicas: 1}
- apiVersion: autoscaling/v2
  kind: HorizontalPodAutoscaler
  metadata: {name: ranker-load}
  spec:
    scaleTargetRef: {apiVersion: mlops.seldon.io/v1alpha1, kind: Model, name: ranker}
    minReplicas: 1
    maxReplicas: 4
    metrics:
    - type: Object
      object:
        metric: {name: infer_rps, selector: {matchLabels: {method_type: rest}}}
        describedObject: {apiVersion: mlops.seldon.io/v1alpha1, kind: Model, name: ranker}
        target: {type: AverageValue, averageValue: "6"}
"#;

/// What approach C has besides: the same HPA on the server.
const SERVER_HPA: &str = r#"apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: server-load}
spec:
  scaleTargetRef: {apiVersion: mlops.seldon.io/v1alpha1, kind: Server, name: mlserver}
  minReplicas: 1
  maxReplicas: 4
  metrics:
  - type: Object
    object:
      metric: {name: infer_rps}
      describedObject: {apiVersion: mlops.seldon.io/v1alpha1, kind: Model, name: ranker}
      target: {type: AverageValue, averageValue: "6"}
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 60
      policies: [{type: Pods, value: 5, periodSeconds: 90}]
"#;

/// A pipeline whose last step joins two, and a model of Triton with an explainer; no server is given.
const PIPELINE: &str = r#"apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: scaler}
spec: {storageUri: "gs://b/scaler", requirements: [sklearn], memory: 100Mi}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: vision}
spec: {storageUri: "gs://b/vision", modelType: onnx, memory: 700Mi, replicas: 2}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: blend}
spec: {storageUri: "gs://b/blend", requirements: [python, sklearn]}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: why.x}
spec: {storageUri: "gs://b/why", memory: 50Mi, explainer: {type: anchor_tabular, modelRef: blend}}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {name: score}
spec:
  steps:
    - name: scaler
      inputs: [score.inputs.features]
    - name: vision
    - name: blend
      inputs: [scaler.outputs.y, vision.outputs.logits, scaler]
      inputsJoinType: any
      triggers: [vision.outputs.ok]
      tensorMap: {scaler.outputs.y: x}
  output: {steps: [blend]}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Experiment
metadata: {name: ab}
spec: {candidates: []}
"#;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.into(), ..Source::default() }
}

fn render(problems: &[Problems]) -> String {
    problems.iter().map(|each| each.render(false)).collect()
}

fn import(files: &[(&str, &str)]) -> Imported {
    let sources: Vec<Source> = files.iter().map(|(name, text)| source(name, text)).collect();
    scenario_of_seldon(&sources).unwrap_or_else(|problems| panic!("{}", render(&problems)))
}

fn refused(files: &[(&str, &str)]) -> String {
    let sources: Vec<Source> = files.iter().map(|(name, text)| source(name, text)).collect();
    let problems = scenario_of_seldon(&sources).expect_err("it is wrong");
    render(&problems)
}

fn scenario(text: &str) -> Scenario {
    common::load("imported.toml", text).scenario
}

fn seldon(scenario: &Scenario) -> &SeldonSpec {
    scenario.seldon.as_ref().expect("it has servers")
}

fn hpa(scaler: &ScalerSpec) -> &HpaSpec {
    match scaler {
        ScalerSpec::Hpa(hpa) => &hpa.spec,
        other => panic!("no HPA but {other:?}"),
    }
}

/// Runs what was imported for five minutes.
fn run(test: &str, text: &str) {
    let folder = std::env::temp_dir().join(format!("sim-import-seldon-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    command.current_dir(&folder).args(["run", "-", "--set", "duration=5m", "--no-plots", "-q"]);
    command.write_stdin(text.to_owned()).assert().success();
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn models_by_lag() {
    let imported = import(&[("objects.yaml", BY_LAG), ("values.yaml", LAG_VALUES)]);
    assert_eq!(
        imported.read,
        [
            "Model/fraud (requires sklearn fraud-libs, memory 600Mi, replicas 1, min 1, max 5)",
            "Server/mlserver (serverConfig mlserver, memory 8Gi, replicas 1, min 1, max 5)",
            "values (release 2.9.1, 5 settings)",
        ]
    );
    let ignored = imported.ignored.join("\n");
    for part in [
        "Model/fraud: spec.logger (objects.yaml:34)",
        "values: agent.logLevel (values.yaml:6)",
        "values: kafka.bootstrap (values.yaml:8)",
        "values: kafka.topics.replicationFactor (values.yaml:9)",
    ] {
        assert!(ignored.contains(part), "{part} in\n{ignored}");
    }
    let scenario = scenario(&imported.text);
    let (spec, pods) = (seldon(&scenario), &scenario.pools[0]);
    assert_eq!((spec.core.version, spec.core.lag_scaling()), (CoreVersion::V2_9, true));
    assert_eq!(spec.core.agent.scaling_stats_period.as_secs_f64(), 10.0);
    assert_eq!((spec.core.agent.model_inference_lag_threshold, spec.core.dataflow.partitions), (12, 4));
    assert_eq!(spec.core.dataflow.model_gateway_replicas, 2);
    let (model, server) = (&spec.models[0], &spec.servers[0].spec);
    assert_eq!((model.scaler.clone(), model.spec.memory_bytes), (ScalerSpec::SeldonLag, 600 << 20));
    assert_eq!((server.memory_bytes, server.scaling.min, server.scaling.max), (8 << 30, Some(1), Some(5)));
    assert!(["sklearn", "fraud-libs"].iter().all(|each| server.capabilities.iter().any(|other| other == each)));
    assert_eq!((pods.cpu.request_millis, pods.cpu.limit_millis, pods.workers), (Some(2_000), Some(2_000), Some(2)));
    // The Server's own grace period wins over the chart's.
    assert_eq!(pods.stop.grace_period.as_secs_f64(), 180.0);
    assert_eq!(pods.start.readiness_probe.expect("it has one").initial_delay.as_secs_f64(), 10.0);
    // Two workers of 80 ms, half busy: 12.5 a second, which is written as a whole number.
    assert!(imported.text.contains("rate.constant = \"12/s\""), "{}", imported.text);
    run("lag", &imported.text);
}

#[test]
fn without_values_the_release_is_assumed_and_its_lag_scaling_is_off() {
    let imported = import(&[("a.yaml", BY_LAG)]);
    let assumed = imported.assumed.join("\n");
    for part in [
        "release 2.10 — replace at line",
        "no model follows its inference lag: release 2.10 forces that off",
        "all other settings of Seldon Core 2 are the chart's",
        "service lognormal mean 80ms p99 320ms of fraud",
        "capabilities of mlserver: those of the chart's ServerConfig mlserver",
    ] {
        assert!(assumed.contains(part), "{part} in\n{assumed}");
    }
    let fixed = scenario(&imported.text);
    assert_eq!(seldon(&fixed).models[0].scaler, ScalerSpec::Fixed);
    // Asked for in a release that forces it off: the wish is kept, and said to be one.
    let wished = import(&[("a.yaml", BY_LAG), ("v.yaml", "autoscaling: {autoscalingModelEnabled: true}\n")]);
    assert!(wished.assumed.join("\n").contains("whatever autoscalingModelEnabled says"), "{:?}", wished.assumed);
    let wished = scenario(&wished.text);
    assert_eq!(seldon(&wished).models[0].scaler, ScalerSpec::SeldonLag);
    assert!(!seldon(&wished).core.lag_scaling());
}

#[test]
fn an_hpa_on_the_model() {
    let imported = import(&[("b.yaml", BY_HPA)]);
    let assumed = imported.assumed.join("\n");
    for part in [
        "Prometheus scrapes every 1m, rates go over 2m and the adapter lists every 1m",
        "infer_rps of the HPA on ranker counts all requests: its selector tells none apart",
        "memory 1Gi a replica of mlserver, as in the chart",
        "readiness probe of mlserver, as in the chart",
    ] {
        assert!(assumed.contains(part), "{part} in\n{assumed}");
    }
    assert!(imported.text.contains("metrics_relist_interval = \"1m\""), "{}", imported.text);
    assert!(imported.read.contains(&"HorizontalPodAutoscaler/ranker-load (infer_rps 6 a pod, 1..4)".to_owned()));
    let scenario = scenario(&imported.text);
    let model = &seldon(&scenario).models[0];
    let spec = hpa(&model.scaler);
    assert_eq!((spec.min_replicas, spec.max_replicas), (Some(1), 4));
    let object = spec.metrics[0].object.as_ref().expect("an Object metric");
    assert_eq!((object.metric.name.as_str(), object.described_object.name.as_str()), ("infer_rps", "ranker"));
    assert_eq!(spec.scale_target_ref.kind, "Model");
    assert_eq!((model.spec.scaling.min, model.spec.scaling.max), (None, None), "the HPA owns the number");
    run("hpa", &imported.text);
}

#[test]
fn an_hpa_on_both() {
    let imported = import(&[("b.yaml", BY_HPA), ("c.yaml", SERVER_HPA)]);
    let scenario = scenario(&imported.text);
    let spec = hpa(&scenario.pools[0].scaler);
    assert_eq!((spec.scale_target_ref.kind.as_str(), spec.scale_target_ref.name.as_str()), ("Server", "mlserver"));
    let up = spec.behavior.as_ref().and_then(|both| both.scale_up.as_ref()).expect("it has rules");
    assert_eq!(up.stabilization_window_seconds, Some(60));
    assert_eq!(hpa(&seldon(&scenario).models[0].scaler).max_replicas, 4);
    run("both", &imported.text);
}

#[test]
fn a_pipeline_on_servers_that_were_not_given() {
    let imported = import(&[("p.yaml", PIPELINE)]);
    let (assumed, ignored) = (imported.assumed.join("\n"), imported.ignored.join("\n"));
    for part in [
        "Model/why.x is called why-x",
        "Server/mlserver came without its manifest: ServerConfig mlserver of the chart",
        "Server/triton came without its manifest: ServerConfig triton of the chart",
        "blend takes up no memory",
        "why.x requires alibi-explain, as every explainer does",
        "no load to scaler and vision and blend but through pipelines",
    ] {
        assert!(assumed.contains(part), "{part} in\n{assumed}");
    }
    for part in [
        "spec.steps[2].triggers (p.yaml:32)",
        "spec.steps[2].tensorMap",
        "spec.steps[2].inputsJoinType any, as \"inner\": it waits for all of them (p.yaml:31)",
        "Experiment/ab (p.yaml:37)",
        "Model/why.x: spec.explainer.modelRef",
    ] {
        assert!(ignored.contains(part), "{part} in\n{ignored}");
    }
    let scenario = scenario(&imported.text);
    let spec = seldon(&scenario);
    let steps: Vec<(&str, Vec<&str>)> = spec.flows[0]
        .steps
        .iter()
        .map(|step| (step.model.as_str(), step.after.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(steps, [("scaler", vec![]), ("vision", vec![]), ("blend", vec!["scaler", "vision"])]);
    // Triton holds 700 MiB and starts with the two replicas that its model wants.
    let triton = &spec.servers[1].spec;
    assert_eq!((triton.name.as_str(), triton.memory_bytes, triton.scaling.replicas), ("triton", 1 << 30, Some(2)));
    let targets: Vec<_> = scenario.load_targets.iter().collect();
    assert_eq!(targets.len(), 2, "the explainer and the pipeline");
    assert!(targets.contains(&&LoadTarget::Model(ModelId::from_index(3))));
    run("pipeline", &imported.text);
}

#[test]
fn a_server_config_stands_behind_its_servers() {
    let config = "apiVersion: mlops.seldon.io/v1alpha1\nkind: ServerConfig\nmetadata: {name: gpu}\nspec:\n  podSpec:\n    \
                  terminationGracePeriodSeconds: 90\n    containers:\n    - name: rclone\n    - name: agent\n      env:\n      \
                  - {name: SELDON_SERVER_CAPABILITIES, value: 'vllm, onnx'}\n      - {name: POD_NAME, value: x}\n      \
                  - {name: MEMORY_REQUEST, value: '3000000000'}\n    - name: engine\n      resources: {requests: {cpu: 4, \
                  memory: 16Gi}}\n---\napiVersion: mlops.seldon.io/v1alpha1\nkind: Server\nmetadata: {name: gpu-a}\nspec: \
                  {serverConfig: gpu}\n---\napiVersion: mlops.seldon.io/v1alpha1\nkind: Model\nmetadata: {name: llm}\nspec: \
                  {storageUri: s3://m, requirements: [vllm], server: gpu-a, memory: 2G}\n";
    let imported = import(&[("c.yaml", config)]);
    let scenario = scenario(&imported.text);
    let server = &seldon(&scenario).servers[0].spec;
    assert_eq!(server.capabilities, ["vllm", "onnx"]);
    assert_eq!(server.memory_bytes, 3_000_000_000, "what the agent is told wins over the request");
    // An unset maximum is no maximum in 2.10.
    let id = autosim::units::ServerId::from_index(0);
    assert_eq!(seldon(&scenario).scaling_of_server(id).max, UNLIMITED);
    let pods = &scenario.pools[0];
    assert_eq!((pods.cpu.request_millis, pods.workers), (Some(4_000), Some(4)));
    assert_eq!(pods.stop.grace_period.as_secs_f64(), 90.0);
    assert!(imported.ignored.join("\n").contains("containers[1].env POD_NAME"), "{:?}", imported.ignored);
}

#[test]
fn namespaces_keep_models_apart() {
    let other = BY_LAG.replace("namespace: ml", "namespace: web");
    let imported = import(&[("a.yaml", BY_LAG), ("b.yaml", &other)]);
    let scenario = scenario(&imported.text);
    let spec = seldon(&scenario);
    let names: Vec<_> = spec.models.iter().map(|model| (&*model.spec.name, model.spec.server.as_deref())).collect();
    assert_eq!(names, [("fraud", Some("mlserver")), ("fraud-2", Some("mlserver-2"))]);
    assert!(imported.assumed.join("\n").contains("fraud-2 goes to mlserver-2"), "{:?}", imported.assumed);
}

#[test]
fn every_assumption_stands_at_the_head_with_its_line() {
    let sets: [&[(&str, &str)]; 3] =
        [&[("a.yaml", BY_LAG)], &[("b.yaml", BY_HPA), ("c.yaml", SERVER_HPA)], &[("p.yaml", PIPELINE)]];
    for files in sets {
        let imported = import(files);
        let lines: Vec<&str> = imported.text.lines().collect();
        for assumed in &imported.assumed {
            assert!(lines.contains(&format!("# assumed: {assumed}").as_str()), "{assumed}");
            let Some((words, line)) = assumed.split_once(" — replace at line ") else { continue };
            let line = lines[line.parse::<usize>().expect("a number") - 1];
            let key = match words.split(' ').next() {
                Some("duration") => "duration",
                Some("load") => "rate.constant",
                Some("service") => "service",
                Some("memory") => "memory",
                Some("release") => "version",
                Some("Prometheus") => "scrape_interval",
                _ => continue,
            };
            assert!(line.starts_with(key), "{assumed}: {line}");
        }
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = BY_LAG
        .replacen("  replicas: 1\n", "  replicas: 7\n", 1)
        .replace("memory: 600Mi\n  replicas: 1", "memory: 0.5\n  replicas: 0")
        .replace("logger:", "loger:")
        .replace("storageUri: s3://artifacts/fraud\n", "server: mlservr\n");
    let broken = PIPELINE
        .replace("inputs: [scaler.outputs.y,", "inputs: [scalar.outputs.y,")
        .replace("name: vision\n    - ", "name: ghost\n    - ");
    let values = "autoscaling:\n  serverPackingPercentage: 25\n  autoscalingModelEnabled: perhaps\n";
    let drawn = refused(&[("a.yaml", &text), ("p.yaml", &broken), ("v.yaml", values)]);
    for part in [
        "the operator does not apply this Server: scaling spec is invalid: number of replicas 7 must be <= max replicas 5",
        "--> a.yaml:8:13",
        "the operator does not apply this Model: scaling spec is invalid: number of replicas 0 must be >= min replicas 1",
        "--> a.yaml:31:13",
        "Can't convert model memory quantity to bytes. 500m",
        "--> a.yaml:30:11",
        "`loger` is no field of a Model's `spec`",
        "did you mean `logger`?",
        "the API server refuses this: spec.storageUri: Required value",
        "there is no Server mlservr in what was given",
        "did you mean `mlserver`?",
        "the scheduler refuses this Pipeline: pipeline score step blend has input scalar for step that does not exist",
        "did you mean `scaler`?",
        "the scheduler refuses this Pipeline: pipeline score step ghost is no model",
        "`serverPackingPercentage` of 25, which is no percentage but a probability from 0 to 1",
        "--> v.yaml:2:28",
        "`autoscalingModelEnabled` is `perhaps` where true or false is wanted",
    ] {
        assert!(drawn.contains(part), "wanted: {part}\n{drawn}");
    }
}

#[test]
fn what_is_wrong_is_refused_at_its_place() {
    let a = |from: &str, to: &str| BY_LAG.replacen(from, to, 1);
    let b = |from: &str, to: &str| BY_HPA.replacen(from, to, 1);
    let table: &[(String, usize, &str)] = &[
        (a("maxReplicas: 5", "maxReplicaz: 5"), 10, "did you mean `maxReplicas`?"),
        (
            a("replicas: 1\n  minReplicas: 1", "minReplicas: 6"),
            8,
            "min number of replicas 6 must be <= max number of replicas 5",
        ),
        (a("replicas: 1", "replicas: one"), 8, "`replicas` is `one` where a whole number of 32 bits is wanted"),
        (a("maxReplicas: 5", "maxReplicas: 2000000"), 10, "more than 1,000,000 replicas"),
        (a("v1alpha1", "v2"), 1, "`mlops.seldon.io/v2` is no version of Server"),
        (a("  serverConfig: mlserver\n", ""), 4, "spec.serverConfig: Required value"),
        (
            a("memory: 8Gi}\n          limits", "memory: 0}\n          limits"),
            16,
            "a Server without memory holds no Model",
        ),
        (
            a("memory: 600Mi", "memory: 600Gi"),
            30,
            "a Model of 600Gi, and its largest Server has 8Gi and 10% overcommit",
        ),
        (a("[sklearn, fraud-libs]", "[sklearn, fraud-lib]"), 29, "did you mean `fraud-libs`?"),
        (a("[sklearn, fraud-libs]", "[tensorrt]"), 29, "Server mlserver is not capable of tensorrt"),
        (a("[sklearn, fraud-libs]", "[[sklearn]]"), 29, "a list of texts"),
        (
            a("logger: {percent: 10}", "explainer: {type: x}\n  llm: {modelRef: y}"),
            35,
            "Can\'t have both explainer and llm",
        ),
        (b("kind: Model, name: ranker}\n    min", "kind: Model, name: rankr}\n    min"), 16, "there is no Model rankr"),
        (b("maxReplicas: 4\n    metrics", "maxReplicas: 0\n    metrics"), 18, "the API server refuses this"),
        (
            format!("{BY_HPA}---\n{SERVER_HPA}---\n{}", SERVER_HPA.replace("server-load", "more")),
            48,
            "a second HPA scales Server/mlserver",
        ),
        (
            format!("{BY_HPA}---\n{SERVER_HPA}---\n{SERVER_HPA}"),
            46,
            "HorizontalPodAutoscaler/server-load stands there twice",
        ),
        ("kind: Service\napiVersion: v1\n".into(), 0, "no Model of Seldon Core 2"),
        (String::new(), 0, "no Model of Seldon Core 2"),
        ("just words\n".into(), 1, "text where a Kubernetes object is wanted"),
        ("replicaCount: 3\n".into(), 1, "neither a Kubernetes object nor values of the chart"),
        ("spec: {replicas: 3}\n".into(), 1, "an object without `apiVersion`"),
        (PIPELINE.replace("[blend]}", "[blnd]}"), 34, "did you mean `blend`?"),
        (PIPELINE.replace("inputsJoinType: any", "inputsJoinType: all"), 31, "Unsupported value: \"all\""),
        (PIPELINE.replace("- name: vision\n", "- name: scaler\n"), 28, "pipeline score has repeated step scaler"),
        (PIPELINE.replace("[score.inputs.features]", "[blend]"), 23, "pipeline score has a cycle"),
    ];
    for (text, line, words) in table {
        let drawn = refused(&[("a.yaml", text)]);
        assert!(drawn.contains(words), "wanted: {words}\n{drawn}");
        assert!(*line == 0 || drawn.contains(&format!("--> a.yaml:{line}:")), "line {line} wanted\n{drawn}");
    }
}

#[test]
fn the_operator_of_an_older_release_has_its_own_words() {
    let text = BY_LAG.replacen("  replicas: 1\n", "  replicas: 7\n", 1);
    let drawn = refused(&[("a.yaml", &text), ("v.yaml", LAG_VALUES)]);
    assert!(drawn.contains("Number of replicas 7 should be <= max replicas 5"), "{drawn}");
}

#[test]
fn the_command_speaks_on_the_right_streams() {
    let sim = || Command::cargo_bin("sim").expect("the binary is built");
    let done = sim().args(["import", "seldon", "-"]).write_stdin(PIPELINE).assert().success();
    let (out, err) = (&done.get_output().stdout, String::from_utf8_lossy(&done.get_output().stderr));
    let starts: Vec<&str> = err.lines().map(|line| line.split_whitespace().next().unwrap_or("")).collect();
    assert_eq!(starts, ["read", "assumed", "ignored"]);
    let text = String::from_utf8_lossy(out);
    assert!(text.starts_with("#:schema "), "{text}");
    sim().args(["check", "-"]).write_stdin(text.as_ref()).assert().success();
    let wrong = BY_LAG.replace("replicas: 1", "replicas: 9");
    let refused = sim().args(["import", "seldon", "-"]).write_stdin(wrong).assert().code(2);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("must be <= max replicas 5"));
}

/// Puts, drops or swaps pieces of a manifest, at places that need not be sensible.
fn mutated() -> impl Strategy<Value = String> {
    let all = format!("{BY_LAG}---\n{LAG_VALUES}");
    let base =
        prop::sample::select(vec![all, BY_HPA.to_owned(), PIPELINE.to_owned(), format!("{BY_HPA}---\n{SERVER_HPA}")]);
    let pieces = vec![
        "\t",
        "\n",
        ":",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "#",
        "---\n",
        "null",
        "~",
        "-1",
        "1e400",
        ".",
        "99999999999999999999",
        "é",
        "\u{0}",
        "0",
        "m",
        "Ei",
        "model",
        " ",
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
    fn mutated_manifests_are_read_or_refused(text in mutated()) {
        if let Err(problems) = scenario_of_seldon(&[source("a.yaml", &text)]) {
            prop_assert!(!problems.is_empty());
            let drawn = render(&problems);
            prop_assert!(!drawn.contains("the imported scenario"), "{}\n{}", text, drawn);
        }
    }
}
