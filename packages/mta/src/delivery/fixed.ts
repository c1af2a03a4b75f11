import { actionOf, type DeliveryAgent, decided } from './attempt.ts'

/** `5.1.1 text` or `text`, as Postfix's transport tables say it: error(8). */
const statusAndText = (nextHop: string, fallback: string): { status: string; text: string } => {
  const match = /^([245]\.\d{1,3}\.\d{1,3})[ \t]+(.*)$/.exec(nextHop)
  return { status: match?.[1] ?? fallback, text: (match?.[2] ?? nextHop) || 'undeliverable' }
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
      const { status, text } = statusAndText(nextHop, kind === 'error' ? '5.0.0' : '4.0.0')
      return decided(recipient, { action: actionOf(status), status, text, nowMs })
    })
