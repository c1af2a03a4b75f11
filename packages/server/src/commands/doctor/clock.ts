import { askTimeServer } from '@posthorn/net'
import { type Finding, fail, ok, unknown, warn } from './finding.ts'

const timeoutMs = 2_000
const littleMs = 5_000
/** RFC 5905 and common sense: beyond this, certificates and one-time tokens fail, and Received lines tell lies. */
const muchMs = 120_000

/** Our clock against a time server's. */
export async function examineClock(
  server: { readonly host: string; readonly port?: number },
  now: () => number,
): Promise<Finding> {
  const answer = await askTimeServer({ ...server, timeoutMs }, now)
  if (answer.kind === 'unreachable') return unknown('clock', `${server.host}: ${answer.reason}`)
  const seconds = Math.abs(answer.offsetMs) / 1000
  const text = `${seconds.toFixed(1)} s ${answer.offsetMs > 0 ? 'behind' : 'ahead of'} ${server.host}`
  const remedy = 'let the system keep the time: `timedatectl set-ntp true`, or chrony'
  if (Math.abs(answer.offsetMs) > muchMs) return fail('clock', text, remedy)
  return Math.abs(answer.offsetMs) > littleMs ? warn('clock', text, remedy) : ok('clock', text)
}
