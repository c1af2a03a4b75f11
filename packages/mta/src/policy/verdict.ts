/** A refusal as it goes to the client and to the log. Code 4yz or 5yz; 421 and 521 end the session. */
export interface Refusal {
  readonly code: number
  /** RFC 3463. */
  readonly status: string
  readonly text: string
}

/** What access(5) actions do beside permitting and refusing; they hold for the whole message. */
export type Effect =
  | { readonly kind: 'hold'; readonly text: string }
  | { readonly kind: 'discard'; readonly text: string }
  /** `text`: of an access table, for the log; content checks have a line of their own. */
  | { readonly kind: 'redirect' | 'bcc'; readonly address: string; readonly text?: string }
  | { readonly kind: 'prepend'; readonly field: string }
  /** Every recipient goes by this way, once. Postfix: FILTER. */
  | { readonly kind: 'filter'; readonly transport: string; readonly nextHop: string; readonly text: string }
  /** Refused at the end of the message unless its signature vouches for it (greylist_vouchers = dkim). */
  | { readonly kind: 'greylisted'; readonly refusal: Refusal }
  | { readonly kind: 'warn' | 'inform'; readonly text: string }

/** What one restriction says. `dunno` passes the question on to the next. */
export type Verdict =
  | { readonly kind: 'dunno' }
  | { readonly kind: 'permit' }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  /** Refuse when something later would permit (DNS was silent, greylisting). */
  | { readonly kind: 'defer-if-permit'; readonly refusal: Refusal }
  /** Make a later permanent refusal temporary. */
  | { readonly kind: 'defer-if-reject'; readonly refusal: Refusal }
  /** Go on, but for DISCARD, which permits. */
  | { readonly kind: 'effect'; readonly effect: Effect }
  /** The next restriction only warns. */
  | { readonly kind: 'warn-next' }

export const dunno: Verdict = { kind: 'dunno' }
export const permit: Verdict = { kind: 'permit' }

export function refuse(code: number, status: string, text: string): Verdict {
  return { kind: 'refuse', refusal: { code, status, text } }
}

/** `451 4.3.5 Server configuration error`, as Postfix says when a table names what does not exist. */
export const configurationError: Refusal = { code: 451, status: '4.3.5', text: 'Server configuration error' }
