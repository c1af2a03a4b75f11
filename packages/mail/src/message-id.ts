/** `<20261121223500.A1B2C3@host>` as Postfix makes them. */
export const makeMessageId = (nowMs: number, queueId: string, host: string): string =>
  `<${new Date(nowMs).toISOString().replace(/\D/g, '').slice(0, 14)}.${queueId}@${host}>`
