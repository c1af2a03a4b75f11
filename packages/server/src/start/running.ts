import type { LoginChoice, LoginRow } from '@posthorn/accounts'
import type { QueueId, Wake } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import type { ListedEntry } from '../control/public-server.ts'
import type { MetricValues } from '../metrics/process-metrics.ts'
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

export interface FlushRequest {
  readonly queueId?: QueueId
  readonly nextHop?: string
}

/** One server that runs: in this process, or as a pool of workers. */
export interface Running {
  readonly ports: MailServerPorts
  status(): Promise<readonly ProcessStatus[]>
  sampleAccounts(): Promise<readonly SampleAccount[]>
  /** Takes a configuration that was read and found right. */
  reload(config: Config): Promise<void>
  wake(wake: Wake): void
  /** There may be mail in the maildrop. */
  pickup(): void
  /** A page of the queue, for everybody's eyes; an empty one ends it. */
  listQueue(after: QueueId | undefined): Promise<readonly ListedEntry[]>
  flushQueue(what: FlushRequest): Promise<void>
  /** Sessions in which somebody has logged in, of each process. */
  logins(choice: LoginChoice): Promise<readonly LoginRow[]>
  /** Ends them; resolves with how many. */
  kick(choice: LoginChoice): Promise<number>
  /** Of each process. */
  metrics(): Promise<readonly MetricValues[]>
  /** Mail of the server itself. */
  submit(recipient: string, message: Buffer): Promise<void>
  /** Resolves when every session has ended (or was ended) and the store is closed. */
  stop(): Promise<void>
}
