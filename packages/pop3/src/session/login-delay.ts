import type { Services, Transaction } from './session.ts'

/** RFC 2449 §6.5, §8.1.1. Seen by all workers. */
export async function mayLogInAgain(
  { store, options, now }: Services,
  { id }: Transaction['account'],
): Promise<boolean> {
  const { loginDelayMs } = options()
  if (loginDelayMs <= 0) return true
  const logins = await store.counters.add(`pop3-login ${id}`, 1, now(), loginDelayMs)
  return logins === 1
}
