"""What jobs write into folders: results, reviews, comparisons and evaluations, and the movie that they belong to."""
