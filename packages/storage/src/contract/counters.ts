/** Small shared counters with an end (login failures, rates): seen by all workers, not durable. */
export interface CounterStore {
  add(key: string, amount: number, nowMs: number, windowMs: number): Promise<number>
  get(key: string, nowMs: number): Promise<number>
  reset(key: string): Promise<void>
}

/** What processes have at this moment (connections of a client): seen by all workers, gone with the process. */
export interface TallyStore {
  /** Says how many this process has of `name` now. The sum over all living processes. */
  set(name: string, count: number): Promise<number>
}

export interface LockStore {
  /** Exclusive across workers; undefined when somebody living holds it. Release by calling the result. */
  acquire(name: string, owner: string): Promise<(() => Promise<void>) | undefined>
}
