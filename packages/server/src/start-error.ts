/**
 * Something an administrator must mend before the server can start. The message names the file (and line),
 * and the remedy; it is printed as it is, without a stack, and the process exits 1.
 */
export class StartError extends Error {
  readonly remedy: string
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
    this.remedy = remedy
  }
}

/** What is wrong and what to do, in one line: for the log, for who is at the other end of a socket. */
export function inOneLine(error: unknown): string {
  if (error instanceof StartError)
    return `${error.message}${error.message.endsWith('?') ? '' : ':'} ${error.remedy}`
  return error instanceof Error ? error.message : String(error)
}

/** Node's error code of a failed system call: 'EACCES', or '' for other faults. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
