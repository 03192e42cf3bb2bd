/** A property that must hold in every run does not hold in this one. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Which property: equal for all runs that fail in the same way. */
  readonly property: string;

  constructor(property: string, details: string) {
    super(`${property}: ${details}`);
    this.property = property;
  }
}

export function mustHold(holds: boolean, property: string, details: () => string): void {
  if (!holds) throw new Violation(property, details());
}
