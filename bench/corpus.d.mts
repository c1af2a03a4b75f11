/** The deterministic corpus: message(i) depends on the seed and i alone. */
export function message(index: number, options?: { readonly kind?: 'plain'; readonly size?: number }): Buffer
export const NEEDLE_BODY: string
export const NEEDLE_SUBJ: string
export const NEEDLE_FROM: string
