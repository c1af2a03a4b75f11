/** address_verify_sender with address_verify_sender_ttl. */
export interface ProbeSender {
  /** Local part, without the time. */
  readonly user: string
  /** 0 = always the same address. */
  readonly ttlMs: number
}

/** Base of the number behind the user, as Postfix writes it. */
const base = 31

const period = (ttlMs: number, nowMs: number): number => Math.floor(nowMs / ttlMs)

/** The sender of probes now: another one in each period, so that nobody profits from knowing it. */
export function probeSenderNow(address: string, ttlMs: number, nowMs: number): string {
  const at = address.lastIndexOf('@')
  if (ttlMs <= 0 || at === -1) return address
  return `${address.slice(0, at)}${period(ttlMs, nowMs).toString(base)}${address.slice(at)}`
}

/** Whether a local part is that of our probes, of this period or the ones beside it; without `nowMs` of any. */
export function isProbeSender({ user, ttlMs }: ProbeSender, local: string, nowMs?: number): boolean {
  if (user === '' || ttlMs <= 0 || !local.startsWith(user)) return false
  const time = local.slice(user.length)
  if (!/^[0-9a-u]{1,10}$/.test(time)) return false
  return nowMs === undefined || Math.abs(Number.parseInt(time, base) - period(ttlMs, nowMs)) <= 1
}
