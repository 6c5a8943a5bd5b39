// Canvases that are sharp on any screen.

/** Sizes a canvas in CSS pixels and returns its cleared context, scaled to them. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** A frame on the edge of a cell, half outside: something of small cells is to be seen inside. */
export function outline(
  context: CanvasRenderingContext2D,
  style: string,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  context.strokeStyle = style;
  context.lineWidth = 2;
  context.strokeRect(x, y, width, height);
}
