// Slow paths that can be stopped wherever the kernel does not hold pcpu_lock.

/**
 * Where a stepwise run stands: each value is a moment at which the kernel does not hold pcpu_lock, so that other tasks may allocate
 * atomically and free. 'before-x' is just before the memory port is asked, 'after-x' when it has answered and the lock is not yet
 * retaken. 'unlocked' is a moment without any port call.
 */
export type LockDrop =
  | 'before-create'
  | 'after-create'
  | 'before-populate'
  | 'after-populate'
  | 'before-depopulate'
  | 'after-depopulate'
  | 'before-flush'
  | 'after-flush'
  | 'before-destroy'
  | 'after-destroy'
  | 'unlocked';

/** A slow path that stops wherever the kernel drops pcpu_lock. */
export type Steps<T> = Generator<LockDrop, T, void>;
