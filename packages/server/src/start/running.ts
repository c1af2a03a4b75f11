import type { Wake } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import type { SampleAccount } from './greeting.ts'
import type { MailServerPorts } from './ports.ts'

/** What one process tells of itself for `posthorn status`. */
export interface ProcessStatus {
  readonly pid: number
  readonly uptimeSeconds: number
  readonly memoryBytes: number
  readonly connections: Readonly<Record<'smtp' | 'imap' | 'pop3', number>>
  /** Messages in the queue; the same for all processes. */
  readonly queued: number
}

/** One server that runs: in this process, or as a pool of workers. */
export interface Running {
  readonly ports: MailServerPorts
  status(): Promise<readonly ProcessStatus[]>
  sampleAccounts(): Promise<readonly SampleAccount[]>
  /** Takes a configuration that was read and found right. */
  reload(config: Config): Promise<void>
  wake(wake: Wake): void
  /** Resolves when every session has ended (or was ended) and the store is closed. */
  stop(): Promise<void>
}
