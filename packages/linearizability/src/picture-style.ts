/** Plain rules, no variables and no fonts to load: many SVG viewers know nothing else. The last part is for dark ground. */
export const STYLE: string = `
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328; }
.ground { fill: #ffffff; }
.title { font-size: 16px; font-weight: bold; }
.quiet { fill: #59636e; }
.badge { text-anchor: middle; font-weight: bold; }
.returned { text-anchor: end; fill: #59636e; font-size: 11px; }
.called { fill: #59636e; font-size: 11px; }
.lane { stroke: #d1d9e0; }
.placed { fill: #ddf4ff; stroke: #0969da; }
.left { fill: #f6f8fa; stroke: #818b98; }
.conflict { fill: #fff8c5; stroke: #9a6700; stroke-width: 2; }
.blocked { fill: #ffebe9; stroke: #cf222e; stroke-width: 3; }
.open { stroke-dasharray: 5 4; }
.between { fill: #818b98; fill-opacity: 0.12; }
.return { stroke: #9a6700; stroke-dasharray: 3 3; }
.call { stroke: #cf222e; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .ground { fill: #0d1117; }
  .quiet, .returned, .called { fill: #9198a1; }
  .lane { stroke: #2f353d; }
  .placed { fill: #0c2d6b; stroke: #4493f8; }
  .left { fill: #161b22; stroke: #656c76; }
  .conflict { fill: #3b2300; stroke: #d29922; }
  .blocked { fill: #490202; stroke: #f85149; }
  .return { stroke: #d29922; }
  .call { stroke: #f85149; }
}
`;
