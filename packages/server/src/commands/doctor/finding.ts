export interface Finding {
  /** `none`: it could not be found out. */
  readonly verdict: 'ok' | 'warn' | 'fail' | 'none'
  readonly subject: string
  readonly text: string
  readonly remedy?: string
}

export const ok = (subject: string, text: string): Finding => ({ verdict: 'ok', subject, text })
export const warn = (subject: string, text: string, remedy: string): Finding => ({
  verdict: 'warn',
  subject,
  text,
  remedy,
})
export const fail = (subject: string, text: string, remedy: string): Finding => ({
  verdict: 'fail',
  subject,
  text,
  remedy,
})
export const unknown = (subject: string, text: string): Finding => ({
  verdict: 'none',
  subject,
  text: `not reachable: ${text}`,
})
