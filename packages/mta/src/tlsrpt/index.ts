export type { Reporter as TlsReporter } from './aggregate-report.ts'
export { type ReportSending, sendReports } from './send-reports.ts'
export type { SessionResult, TlsRecorder } from './session-result.ts'
export { type DayTally, TlsTally } from './tally.ts'
