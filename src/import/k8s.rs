//! Kubernetes manifests to a scenario: one pool for each workload, with the HPA that scales it.

use super::autoscaler;
use super::common::{place, refused, unique};
use super::pool::{Plan, hpa_words};
use super::writer::{Writer, clean};
use crate::cluster::WorkloadKind;
use crate::diagnostics::{Problem, Problems, Source};
use crate::manifest::hpa_out::quoted;
use crate::manifest::k8s::{Autoscaler, Objects, objects};
use crate::manifest::workload::Workload;
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::MetricSpec;
use crate::scenario::load;
use std::collections::BTreeSet;

/// A scenario out of manifests.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The scenario: TOML with comments; it loads and runs.
    pub text: String,
    /// What was read: `Deployment/chat (requests cpu 2)`.
    pub read: Vec<String>,
    /// What was assumed, and on which line of the scenario.
    pub assumed: Vec<String>,
    /// What was left out, and where it stands.
    pub ignored: Vec<String>,
}

/// The sources with what was found in them and what is wrong with them.
struct Import<'a> {
    sources: &'a [Source],
    objects: &'a [Objects],
    problems: Vec<Vec<Problem>>,
    imported: Imported,
    names: BTreeSet<String>,
}

/// Reads manifests into a scenario.
///
/// # Errors
/// The problems of each source that has any.
pub fn scenario_of_k8s(sources: &[Source]) -> Result<Imported, Vec<Problems>> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for source in sources {
        match objects(&source.text) {
            Ok(objects) => {
                found.push(objects);
                problems.push(Vec::new());
            }
            Err(list) => {
                found.push(Objects::default());
                problems.push(list);
            }
        }
    }
    let (imported, names) = (Imported::default(), BTreeSet::new());
    let mut import = Import { sources, objects: &found, problems, imported, names };
    import.ignored();
    import.twice();
    let plans = import.plans();
    if plans.is_empty() && import.problems.iter().all(Vec::is_empty) {
        let source = sources.first().cloned().unwrap_or_default();
        let problem = Problem::file("no Deployment, StatefulSet, ReplicaSet or HorizontalPodAutoscaler");
        let help = "`kubectl get deployment,hpa -o yaml` writes what is read here";
        return Err(vec![Problems::new(source, vec![problem.help(help)])]);
    }
    refused(sources, &mut import.problems)?;
    import.write(&plans);
    let source =
        Source { name: "the imported scenario".into(), text: import.imported.text.clone(), ..Source::default() };
    match load(&source, &[]) {
        Ok(_) => Ok(import.imported),
        Err(problems) => Err(vec![problems]),
    }
}

impl<'a> Import<'a> {
    /// `deploy.yaml:12`.
    fn place(&self, source: usize, at: usize) -> String {
        place(&self.sources[source], at)
    }

    fn ignored(&mut self) {
        for (index, objects) in self.objects.iter().enumerate() {
            for ignored in &objects.ignored {
                let words = format!("{} ({})", clean(&ignored.what), self.place(index, ignored.at.start));
                self.imported.ignored.push(words);
            }
        }
    }

    fn workloads(&self) -> impl Iterator<Item = (usize, &'a Workload)> + use<'a> {
        self.objects
            .iter()
            .enumerate()
            .flat_map(|(index, objects)| objects.workloads.iter().map(move |each| (index, each)))
    }

    fn hpas(&self) -> impl Iterator<Item = (usize, &'a Autoscaler)> + use<'a> {
        self.objects.iter().enumerate().flat_map(|(index, objects)| objects.hpas.iter().map(move |each| (index, each)))
    }

    /// The same object twice: which one holds?
    fn twice(&mut self) {
        let workloads = self.workloads().map(|(index, each)| {
            (index, each.at.clone(), (each.kind.as_str(), each.namespace.clone(), each.name.clone()))
        });
        let hpas = self.hpas().map(|(index, each)| {
            (index, each.at.clone(), ("HorizontalPodAutoscaler", each.namespace.clone(), each.name.clone()))
        });
        let mut seen = BTreeSet::new();
        let all: Vec<_> = workloads.chain(hpas).collect();
        for (index, at, identity) in all {
            let words = format!("{}/{} stands there twice", identity.0, identity.2);
            if !seen.insert(identity) {
                self.problems[index].push(Problem::error(at, words, "the second one").help("keep one of them"));
            }
        }
    }

    /// A pool for each workload, then one for each HPA without a workload.
    fn plans(&mut self) -> Vec<Plan<'a>> {
        let mut plans = Vec::new();
        let mut taken = BTreeSet::new();
        for (_, workload) in self.workloads() {
            let mut scalers = self.hpas().enumerate().filter(|(_, (_, hpa))| scales(hpa, workload));
            let first = scalers.next();
            let others: Vec<_> = scalers.collect();
            for (number, (index, hpa)) in others {
                taken.insert(number);
                let again = |(_, (_, first)): &(usize, (usize, &Autoscaler))| first.name == hpa.name;
                if first.as_ref().is_some_and(again) {
                    continue; // said before: the same object twice
                }
                let message = format!("a second HPA scales {}/{}", workload.kind.as_str(), workload.name);
                let problem = Problem::error(hpa.place("spec.scaleTargetRef"), message, "the second one");
                self.problems[index]
                    .push(problem.help("as in Kubernetes: AmbiguousSelector, and neither scales; keep one"));
            }
            let mut assumed = Vec::new();
            let name = self.name(&workload.name, workload.kind, &mut assumed);
            let hpa = first.map(|(number, (index, hpa))| {
                taken.insert(number);
                self.spec(index, hpa, workload.kind, &workload.name, &name)
            });
            plans.push(Plan { name, kind: workload.kind, workload: Some(workload), hpa, assumed });
        }
        let alone: Vec<_> = self.hpas().enumerate().filter(|(number, _)| !taken.contains(number)).collect();
        for (_, (index, hpa)) in alone {
            let target = &hpa.spec.scale_target_ref;
            let kind = match target.kind.as_str() {
                "StatefulSet" => WorkloadKind::StatefulSet,
                "ReplicaSet" => WorkloadKind::ReplicaSet,
                _ => WorkloadKind::Deployment,
            };
            let mut assumed =
                vec![format!("{}/{} of the HPA {} came without its manifest", target.kind, target.name, hpa.name)];
            let name = self.name(&target.name, kind, &mut assumed);
            if target.kind != kind.as_str() {
                assumed.push(format!("{} is a Deployment in place of a {}", name, target.kind));
            }
            let spec = self.spec(index, hpa, kind, &target.name, &name);
            plans.push(Plan { name, kind, workload: None, hpa: Some(spec), assumed });
        }
        plans
    }

    /// A name for a pool that no other has.
    fn name(&mut self, wanted: &str, kind: WorkloadKind, assumed: &mut Vec<String>) -> String {
        let name = unique(&mut self.names, wanted);
        if name != wanted {
            assumed.push(format!("{}/{wanted} is called {name}", kind.as_str()));
        }
        name
    }

    /// The HPA of a pool: checked as the API server does, and turned to the pool if that was renamed.
    fn spec(&mut self, index: usize, hpa: &Autoscaler, kind: WorkloadKind, target: &str, pool: &str) -> HpaSpec {
        let mut spec = hpa.spec.clone();
        self.problems[index].extend(autoscaler::problems(hpa));
        spec.metrics = self.simulated(index, hpa);
        let reference = &mut spec.scale_target_ref;
        if reference.kind != kind.as_str() {
            kind.as_str().clone_into(&mut reference.kind);
            "apps/v1".clone_into(&mut reference.api_version);
        }
        if target != pool {
            pool.clone_into(&mut reference.name);
        }
        self.imported.read.push(format!(
            "HorizontalPodAutoscaler/{} ({})",
            clean(&hpa.name),
            clean(&hpa_words(&hpa.spec))
        ));
        spec
    }

    /// The metrics that a simulated pod has; others are left out, unless there are no others.
    fn simulated(&mut self, index: usize, hpa: &Autoscaler) -> Vec<MetricSpec> {
        let (kept, others) = autoscaler::simulated(hpa);
        for (number, at) in others {
            if kept.is_empty() {
                self.problems[index].push(autoscaler::no_metric(at));
            } else {
                let place = self.place(index, at.start);
                let words = format!("HorizontalPodAutoscaler/{}: spec.metrics[{number}]", clean(&hpa.name));
                self.imported.ignored.push(format!("{words}, neither cpu nor memory ({place})"));
            }
        }
        kept
    }

    fn write(&mut self, plans: &[Plan<'_>]) {
        let mut writer = Writer::default();
        let name = plans.first().map_or_else(|| "imported".to_owned(), |plan| plan.name.clone());
        writer.line(format!("name = {}", quoted(&name)));
        writer.line("seed = 1");
        writer.assume("duration 1h");
        writer.line("duration = \"1h\"");
        if plans.iter().any(|plan| plan.hpa.as_ref().is_some_and(|hpa| hpa.min_replicas == Some(0))) {
            writer.line("");
            writer.line("[hpa_controller]");
            writer.assume("the feature gate HPAScaleToZero is on, since an HPA has minReplicas 0");
            writer.line("feature_gates = \"HPAScaleToZero=true\"");
        }
        let mut loads = BTreeSet::new();
        for plan in plans {
            let mut load = format!("{}-users", plan.name);
            while !loads.insert(load.clone()) {
                load.push_str("-2");
            }
            plan.write_load(&mut writer, &load);
        }
        let mut read: Vec<String> = Vec::new();
        for plan in plans {
            plan.write(&mut writer);
            read.extend(plan.words().map(|words| clean(&words)));
            self.imported.ignored.extend(plan.left_out().iter().map(|words| clean(words)));
        }
        read.append(&mut self.imported.read);
        self.imported.read = read;
        let files: Vec<String> = self.sources.iter().map(|source| clean(&source.name)).collect();
        let head = [
            "#:schema ../schema/scenario.schema.json".to_owned(),
            format!("# Written by `sim import k8s {}`. What the manifests do not say was assumed:", files.join(" ")),
        ];
        (self.imported.text, self.imported.assumed) = writer.finish(&head);
    }
}

fn scales(hpa: &Autoscaler, workload: &Workload) -> bool {
    let target = &hpa.spec.scale_target_ref;
    let same_namespace =
        hpa.namespace == workload.namespace || hpa.namespace.is_empty() || workload.namespace.is_empty();
    target.kind == workload.kind.as_str() && target.name == workload.name && same_namespace
}
