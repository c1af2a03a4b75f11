export type { Log, LogEvent } from './log-event.ts'
