import { actionOf, type DeliveryAgent, decided } from './attempt.ts'

/**
 * `5.1.1 text` or `text`, as Postfix's transport tables say it: error(8). `error:` is for ever and `retry:` is not,
 * whatever the status says.
 */
const statusAndText = (nextHop: string, kind: 'error' | 'retry'): { status: string; text: string } => {
  const match = /^[245](\.\d{1,3}\.\d{1,3})[ \t]+(.*)$/s.exec(nextHop)
  const status = `${kind === 'error' ? '5' : '4'}${match?.[1] ?? '.0.0'}`
  return { status, text: (match?.[2] ?? nextHop) || 'Address is undeliverable' }
}

/** Agents that answer without delivering: `error:`, `retry:`, `discard:`. */
export const fixedAgent =
  (kind: 'error' | 'retry' | 'discard', now: () => number): DeliveryAgent =>
  async ({ recipients, nextHop }) =>
    recipients.map((recipient) => {
      const nowMs = now()
      if (kind === 'discard') {
        return decided(recipient, {
          action: 'delivered',
          status: '2.0.0',
          text: nextHop || 'discarded',
          nowMs,
        })
      }
      const { status, text } = statusAndText(nextHop, kind)
      return decided(recipient, { action: actionOf(status), status, text, nowMs })
    })
