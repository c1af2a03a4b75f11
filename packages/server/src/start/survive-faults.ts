import type { Log } from '@posthorn/mail'

/** A fault that nobody caught ends one session's work, not the server: the store is safe at any point. */
export function surviveFaults(log: Log): void {
  const tell = (error: unknown): void =>
    log({ level: 'error', service: 'master', text: 'uncaught fault', error })
  process.on('uncaughtException', tell)
  process.on('unhandledRejection', tell)
}
