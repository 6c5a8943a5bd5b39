// How long things take in simulated time. Every number is read off the time stamps of recorded boots (Linux 6.1, QEMU
// Malta); none was chosen for a crash rate. Microseconds.
import type { Random } from '../random.js';

/** Steps of the guest (emu/guest/kernel/steps.h). */
export const STEP = {
  ALLOC_TARGET: 0,
  QUEUE_CTX: 1,
  HW_QUEUE: 2,
  REFUSED: 3,
  SUBMIT: 4,
  COMPLETE: 5,
  RELEASE: 6,
  SD_PROBE: 7,
  KERNFS_NODE: 8,
  INITCALL: 9,
  WAIT_IO: 10,
  FW_COMMANDS: 11,
  FW_INIT: 12,
  TAG_SET: 13,
  PCI_ENABLE: 14,
} as const;

/**
 * 10th percentile, median, 90th percentile. Medians over the 256 refused targets and the 200 or so asked ones of each of
 * nine boots' logs (4 KB and 16 KB pages, 1 and 3 controllers); the fastest boot is the unit, slower ones scale it.
 */
const STEP_TIMES: Readonly<Record<number, readonly [number, number, number]>> = {
  [STEP.ALLOC_TARGET]: [8, 8.5, 10], // device released -> percpu_ref_init, plus percpu_ref_init -> 640-byte area (2..8)
  [STEP.QUEUE_CTX]: [2, 2.5, 4], // 640-byte area -> 192-byte contexts
  [STEP.HW_QUEUE]: [6, 7, 10], // contexts -> budget map's hint
  [STEP.REFUSED]: [20, 21, 23], // hint -> contexts freed, channels of physical drives
  [STEP.SUBMIT]: [15, 18, 26], // hint -> contexts freed is 36..48 where the command goes to the firmware or the driver
  [STEP.COMPLETE]: [15, 18, 24],
  [STEP.RELEASE]: [2, 2, 3], // contexts freed -> hint freed
  [STEP.SD_PROBE]: [200, 600, 1200], // between the sd console lines
  [STEP.KERNFS_NODE]: [3, 4, 8], // device_add of a host, by its attributes
  [STEP.WAIT_IO]: [20, 30, 60],
  // 25 consoles of plain kernels (4 KB, 3 controllers), between the driver's lines: before 'current msix', before 'controller type'.
  // One stretch of about 5.5 ms a probe falls into one or the other.
  [STEP.FW_COMMANDS]: [500, 700, 6000],
  [STEP.FW_INIT]: [1900, 2700, 8300],
  // What the same consoles take longer than the guest's other work there explains, in the boots where nothing comes between:
  [STEP.TAG_SET]: [1000, 1300, 1900], // 'scsi hostN' -> next 'enabling device', 1.7..2.1 ms
  [STEP.PCI_ENABLE]: [700, 900, 1500], // 'enabling device' -> 'FW now in Ready state', 1.3..1.8 ms
};

/** Slowest boot over fastest, medians of the same steps: 31/20 (3 controllers, log 1, against buggy log 4). */
export const SPEED_RANGE: readonly [number, number] = [1, 1.55];

/** HZ=100 of the recorded kernels. */
export const JIFFY_US = 10_000;
/** blimit of rcu_do_batch(): the recorded callbacks come in batches of 10 (5 targets' two callbacks). */
export const RCU_BLIMIT = 10;
/** MAX_SOFTIRQ_RESTART, kernel/softirq.c; seen as runs of 100 callbacks in one interrupt. */
export const SOFTIRQ_RESTARTS = 10;
/** MAX_SOFTIRQ_TIME: 2 jiffies' worth on HZ=100. */
export const SOFTIRQ_TIME_US = 20_000;
/** One callback: 100 events (50 queues) in 350 us to 505 in 1683 us. */
export const RCU_CALLBACK_US: readonly [number, number, number] = [3, 3.4, 7];
/** The balance work, from its W, U, T, R, S and D events: beginning, one depopulated range, one flush, one chunk destroyed. */
export const BALANCE_US: readonly [number, number, number] = [5, 20, 75];
export const DEPOPULATE_US: readonly [number, number, number] = [16, 60, 240];
export const FLUSH_US: readonly [number, number, number] = [3, 4, 35];
export const DESTROY_US: readonly [number, number, number] = [15, 60, 230];
/** A new chunk: last event of the scan before C, where nothing else ran, to C. */
export const CREATE_US: readonly [number, number, number] = [30, 80, 130];
/** Pages mapped, per call: previous event to P to the allocation. */
export const POPULATE_US: readonly [number, number, number] = [8, 15, 30];
/** One console line on the serial port: gaps between lines printed back to back, 115..240. */
export const PRINTK_US: readonly [number, number, number] = [130, 160, 240];
/** Command latency: INQUIRY and firmware commands are answered within the register write; disk reads take about 1 ms. */
export const COMMAND_LATENCY_S = 0;
export const MEDIUM_LATENCY_S = 0.0011;
/** Scheduler: wakeup granularity and minimal slice of CFS on one CPU, microseconds. */
export const WAKEUP_GRANULARITY_US = 1_000;
export const MIN_GRANULARITY_US = 750;
export const SCHED_LATENCY_US = 6_000;
/** A sleeper is placed at most this far behind the others (half of sysctl_sched_latency, GENTLE_FAIR_SLEEPERS). */
export const SLEEPER_CREDIT_US = 3_000;
/** Gaps above 0.8 ms in a scan that no other event explains, 61 in the 7,707 targets of nine logs: the host of QEMU had the CPU. */
export const HOST_PAUSE_US: readonly [number, number, number] = [900, 2_100, 6_400];
export const HOST_PAUSE_PROBABILITY = 0.008;

/** One boot's times: a speed drawn once, and every step drawn between its percentiles. */
export class Timing {
  readonly #random: Random;
  readonly speed: number;

  constructor(random: Random) {
    this.#random = random;
    this.speed = SPEED_RANGE[0] + (SPEED_RANGE[1] - SPEED_RANGE[0]) * random.unit();
  }

  draw(time: readonly [number, number, number]): number {
    return this.#draw(time) * this.speed;
  }

  /** Between p10 and p90 half of the time on each side of the median, with a tail of a tenth beyond. */
  #draw([low, middle, high]: readonly [number, number, number]): number {
    const u = this.#random.unit();
    return u < 0.5
      ? low + (middle - low) * (u / 0.5)
      : u < 0.9
        ? middle + (high - middle) * ((u - 0.5) / 0.4)
        : high * (1 + ((u - 0.9) / 0.1) * 0.8);
  }

  step(which: number): number {
    const times = STEP_TIMES[which];
    if (times === undefined) return 0;
    const pause = which === STEP.REFUSED || which === STEP.SUBMIT ? this.#random.unit() : 1;
    return this.draw(times) + (pause < HOST_PAUSE_PROBABILITY ? this.#draw(HOST_PAUSE_US) : 0);
  }
}
