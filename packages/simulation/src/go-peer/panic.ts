/** A Go process died of a run-time panic. What its disk held before is all that is left of it. */
export class GoPanic extends Error {
  override readonly name = "GoPanic";
}
