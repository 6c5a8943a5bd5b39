// Script of table pages (sweeps, comparisons): only the colour scheme moves.
import './table.css';
import { setUpTheme } from './theme.js';

setUpTheme();
