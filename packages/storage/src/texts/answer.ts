/** What kept texts say of a message. */
export const answer = { unknown: 0, no: 1, yes: 2 } as const
