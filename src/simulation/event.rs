//! Everything that can happen, in the order in which things of one instant happen.

use crate::kernel::Packed;
use crate::units::{LoadId, PipelineId, PoolId, ReplicaId, ScalerId};

/// A counter that moves on when an event is overtaken: stale events are dropped when they are popped. No event waits through
/// 2^32 changes of its entity, so it may wrap.
pub type Epoch = u32;

/// Declared in the order within an instant; this list is the only statement of that order.
///
/// State changes come before measurement, measurement before decisions, decisions before the record: a scaler that wakes at
/// the instant of a scrape reads what that scrape stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user's `[[event]]`: before all else.
    Intervention {
        /// Its number in order of time.
        number: u32,
    },
    /// A fault ends: as early as it began.
    FaultEnds {
        /// The intervention that began it.
        number: u32,
    },
    /// Grace is over: a request that would end now is lost.
    KillAtGraceEnd {
        /// Whose.
        replica: ReplicaId,
    },
    /// A service ends.
    ServiceEnds {
        /// Whose.
        replica: ReplicaId,
        /// Of its arming.
        epoch: Epoch,
    },
    /// The head of a class of timeouts may be due.
    TimeoutDue {
        /// Number of the class.
        class: u32,
    },
    /// A phase of a pod's start is over; phases of length zero are events too.
    PodPhaseEnds {
        /// Whose.
        replica: ReplicaId,
        /// Of its life.
        epoch: Epoch,
    },
    /// The kubelet tells a deleted pod to stop.
    Terminates {
        /// Which.
        replica: ReplicaId,
    },
    /// A deleted pod leaves the routes.
    RoutesChange {
        /// Which.
        replica: ReplicaId,
    },
    /// A delayed step of Seldon's control plane is due: like a pod's phase, before the routes that follow from it.
    SeldonStepDue {
        /// Its slot.
        step: u32,
    },
    /// Envoys get the routes that the scheduler has in mind: before whatever arrives at that instant.
    RoutesPublished,
    /// A message of a pipeline is where it was sent.
    MessageArrives {
        /// Its slot.
        message: u32,
    },
    /// A call has passed the proxies; sent before whatever is born now.
    CallArrives {
        /// Its request's slot.
        slot: u32,
        /// The low half of its number.
        epoch: Epoch,
    },
    /// The next arrival of a load.
    RequestArrives {
        /// Whose.
        load: LoadId,
    },
    /// The node samples a container.
    Housekeeping {
        /// Whose.
        replica: ReplicaId,
    },
    /// The cheap pipeline of a pool samples it.
    Sample {
        /// Which pool.
        pool: PoolId,
    },
    /// metrics-server asks the kubelets, or Prometheus its targets and the adapter for names: a pass of this instant sees it.
    Scrape {
        /// Which.
        pipeline: PipelineId,
    },
    /// metrics-server stores their answers.
    Store {
        /// Which.
        pipeline: PipelineId,
        /// Of its run.
        epoch: Epoch,
    },
    /// An agent compares its models' lag with the threshold: a decision, before those that may follow from it.
    AgentTicks {
        /// Whose agent.
        replica: ReplicaId,
        /// Of its subscription.
        epoch: Epoch,
    },
    /// A scaler makes a pass.
    ScalerWakes {
        /// Which.
        scaler: ScalerId,
        /// Of its wake-up.
        epoch: Epoch,
    },
    /// The controllers act on a new size.
    ScaleApplied {
        /// Whose.
        pool: PoolId,
    },
    /// A row of the time series is due: after all else.
    RecorderTicks,
}

/// Rank 6 bits, entity 26, epoch 32.
const fn packed(rank: u64, entity: u32, epoch: Epoch) -> u64 {
    rank << 58 | (entity as u64) << 32 | epoch as u64
}

impl Packed for Event {
    #[inline]
    fn pack(self) -> u64 {
        match self {
            Self::Intervention { number } => packed(0, number, 0),
            Self::FaultEnds { number } => packed(1, number, 0),
            Self::KillAtGraceEnd { replica } => packed(2, replica.number(), 0),
            Self::ServiceEnds { replica, epoch } => packed(3, replica.number(), epoch),
            Self::TimeoutDue { class } => packed(4, class, 0),
            Self::PodPhaseEnds { replica, epoch } => packed(5, replica.number(), epoch),
            Self::Terminates { replica } => packed(6, replica.number(), 0),
            Self::RoutesChange { replica } => packed(7, replica.number(), 0),
            Self::SeldonStepDue { step } => packed(8, step, 0),
            Self::RoutesPublished => packed(9, 0, 0),
            Self::MessageArrives { message } => packed(10, message, 0),
            Self::CallArrives { slot, epoch } => packed(11, slot, epoch),
            Self::RequestArrives { load } => packed(12, load.number(), 0),
            Self::Housekeeping { replica } => packed(13, replica.number(), 0),
            Self::Sample { pool } => packed(14, pool.number(), 0),
            Self::Scrape { pipeline } => packed(15, pipeline.number(), 0),
            Self::Store { pipeline, epoch } => packed(16, pipeline.number(), epoch),
            Self::AgentTicks { replica, epoch } => packed(17, replica.number(), epoch),
            Self::ScalerWakes { scaler, epoch } => packed(18, scaler.number(), epoch),
            Self::ScaleApplied { pool } => packed(19, pool.number(), 0),
            Self::RecorderTicks => packed(20, 0, 0),
        }
    }

    #[inline]
    fn unpack(low: u64) -> Self {
        let number = (low >> 32) as u32 & 0x03FF_FFFF;
        let epoch = low as u32;
        let replica = ReplicaId::new(number);
        match low >> 58 {
            0 => Self::Intervention { number },
            1 => Self::FaultEnds { number },
            2 => Self::KillAtGraceEnd { replica },
            3 => Self::ServiceEnds { replica, epoch },
            4 => Self::TimeoutDue { class: number },
            5 => Self::PodPhaseEnds { replica, epoch },
            6 => Self::Terminates { replica },
            7 => Self::RoutesChange { replica },
            8 => Self::SeldonStepDue { step: number },
            9 => Self::RoutesPublished,
            10 => Self::MessageArrives { message: number },
            11 => Self::CallArrives { slot: number, epoch },
            12 => Self::RequestArrives { load: LoadId::new(number) },
            13 => Self::Housekeeping { replica },
            14 => Self::Sample { pool: PoolId::new(number) },
            15 => Self::Scrape { pipeline: PipelineId::new(number) },
            16 => Self::Store { pipeline: PipelineId::new(number), epoch },
            17 => Self::AgentTicks { replica, epoch },
            18 => Self::ScalerWakes { scaler: ScalerId::new(number), epoch },
            19 => Self::ScaleApplied { pool: PoolId::new(number) },
            20 => Self::RecorderTicks,
            rank => unreachable!("no event has the rank {rank}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, in the order that is promised for one instant.
    fn in_order() -> Vec<Event> {
        let replica = ReplicaId::new((1 << 26) - 1);
        let pipeline = PipelineId::new(0);
        vec![
            Event::Intervention { number: 3 },
            Event::FaultEnds { number: 2 },
            Event::KillAtGraceEnd { replica },
            Event::ServiceEnds { replica, epoch: u32::MAX },
            Event::TimeoutDue { class: 9 },
            Event::PodPhaseEnds { replica, epoch: 0 },
            Event::Terminates { replica },
            Event::RoutesChange { replica },
            Event::SeldonStepDue { step: 4 },
            Event::RoutesPublished,
            Event::MessageArrives { message: 6 },
            Event::CallArrives { slot: 8, epoch: 1 },
            Event::RequestArrives { load: LoadId::new(5) },
            Event::Housekeeping { replica },
            Event::Sample { pool: PoolId::new(1) },
            Event::Scrape { pipeline },
            Event::Store { pipeline, epoch: 1 },
            Event::AgentTicks { replica, epoch: 2 },
            Event::ScalerWakes { scaler: ScalerId::new(0), epoch: 7 },
            Event::ScaleApplied { pool: PoolId::new(2) },
            Event::RecorderTicks,
        ]
    }

    #[test]
    fn packing_keeps_the_event_and_the_order_of_the_list() {
        let events = in_order();
        for pair in events.windows(2) {
            assert!(pair[0].pack() < pair[1].pack(), "{:?} comes before {:?}", pair[0], pair[1]);
        }
        for event in events {
            assert_eq!(Event::unpack(event.pack()), event);
        }
    }
}
