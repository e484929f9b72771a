-- nothing yet
/* and nothing
   here */
;;
