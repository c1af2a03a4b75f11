import type { Log } from '@posthorn/mail'

/** What an administrator should know, and nobody waits for. */
export type Report = (trouble: unknown) => void

/** To the log of the program; without one a warning of the process. */
export const reportTo = (log: Log | undefined): Report => {
  if (log === undefined) {
    return (trouble) => process.emitWarning(trouble instanceof Error ? trouble : String(trouble))
  }
  return (trouble) => {
    const isError = trouble instanceof Error
    const text = isError ? `Store: ${trouble.message}` : String(trouble)
    log({ level: 'warning', service: 'store', text, ...(isError && { error: trouble }) })
  }
}
